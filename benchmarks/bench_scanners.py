"""modelhub's safety verdicts beside picklescan, fickling and modelscan: misses, false alarms and seconds.

    python benchmarks/bench_scanners.py [--corpus FOLDER]… [--rounds N] [--names]

A corpus is a folder with `labels.tsv`: a header, then a line with a path and `malicious` or `benign` for each file or
folder. Two more are made here: `shapes`, what people keep in checkpoints (the table of tests/safety/test_benign.py, in
both of torch's formats), and `hostile`, the hostile files of modelhub's own tests. Nothing is ever loaded.

The scanners are installed once into an environment of their own in the cache folder, and run as their commands. The
answers of the other three are those about one file or folder at a time. Flagged means: for modelhub, a verdict of
suspicious or dangerous (`unrecognised` is counted apart); for picklescan, exit 1 or a dangerous import; for fickling,
exit 1 of `--check-safety` with a report; for modelscan, an issue in its JSON report. A file that a scanner failed on,
or skipped, is an error. The seconds are those of one command for a whole folder, except for fickling, which takes one
file at a time.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# fickling 0.1.12 imports typing_extensions without requiring it.
PACKAGES = ("picklescan[7z]==1.0.5", "fickling==0.1.12", "modelscan==0.8.8", "typing_extensions")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelhub-benchmarks" / "scanners"
SECONDS = 20  # for one command on one file


class Answer(StrEnum):
    """The answer of a scanner about a file."""

    FLAGGED = "flagged"
    CLEAN = "clean"
    UNRECOGNISED = "unrecognised"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Sample:
    """A file or folder with its label."""

    path: Path
    malicious: bool


@dataclass(slots=True)
class Corpus:
    """Samples in one folder."""

    name: str
    folder: Path
    samples: list[Sample] = field(default_factory=list)


def labelled(folder: Path) -> Corpus:
    """Return the corpus in a folder with `labels.tsv`."""
    with (folder / "labels.tsv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    samples = [Sample(folder / row[0], row[1] == "malicious") for row in rows if (folder / row[0]).exists()]
    return Corpus(folder.name, folder, samples)


def shapes(folder: Path) -> Corpus:
    """Write what people keep in checkpoints, with torch, in both of its formats."""
    import warnings

    import torch

    from tests.safety.test_benign import SHAPES, weights

    warnings.simplefilter("ignore")
    found = Corpus("shapes", folder)
    for number, (make, _) in enumerate(SHAPES.values()):
        for legacy in (False, True):
            path = folder / f"{number:02}-{'legacy' if legacy else 'zip'}.ckpt"
            torch.save({"state_dict": weights(), "more": make()}, path, _use_new_zipfile_serialization=not legacy)
            found.samples.append(Sample(path, malicious=False))
    return found


def hostile(folder: Path) -> Corpus:
    """Write the hostile files of modelhub's own tests."""
    from modelhub.testing.files import hostile as makers

    found = Corpus("hostile", folder)
    for name, make in (("checkpoint.pt", makers.checkpoint), ("bare.pkl", makers.bare_pickle)):
        found.samples.append(Sample(make(folder / name), malicious=True))
    for number, (name, content) in enumerate(_law_findings()):
        path = folder / f"{number:02}-{name}"
        path.write_bytes(content)
        found.samples.append(Sample(path, malicious=True))
    return found


def _law_findings() -> Iterator[tuple[str, bytes]]:
    """Yield the files that were once called harmless against the law of tests/safety/law, with their names."""
    from tests.safety.law.test_findings import FINDINGS

    yield from ((finding.name, finding.content) for finding in FINDINGS)


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner. `answers` judges each sample; `sweep` scans a corpus and returns whether it came to an end."""

    name: str
    answers: Callable[[Corpus], list[Answer]]
    sweep: Callable[[Corpus], bool]


_VERDICTS = {
    "safe": Answer.CLEAN,
    "safe-legacy": Answer.CLEAN,
    "suspicious": Answer.FLAGGED,
    "dangerous": Answer.FLAGGED,
    "unrecognised": Answer.UNRECOGNISED,
}


def modelhub_answers(corpus: Corpus) -> list[Answer]:
    """Return the answers of `modelhub inspect`, whose report names each sample."""
    done = _inspect(corpus)
    try:
        verdicts = {row["path"]: row["safety"]["verdict"] for row in json.loads(done.stdout)}
    except ValueError:
        verdicts = {}
    return [_VERDICTS.get(verdicts.get(str(sample.path), ""), Answer.ERROR) for sample in corpus.samples]


def modelhub_sweep(corpus: Corpus) -> bool:
    """Inspect all samples with one command."""
    return _inspect(corpus).returncode == 0


def _inspect(corpus: Corpus) -> subprocess.CompletedProcess[str]:
    paths = [str(sample.path) for sample in corpus.samples]
    return _command([sys.executable, "-m", "modelhub", "inspect", "--json", *paths], files=len(paths))


def one_by_one(answer: Callable[[Path], Answer]) -> Callable[[Corpus], list[Answer]]:
    """Return the function that judges every sample of a corpus with a command of its own."""
    return lambda corpus: [answer(sample.path) for sample in corpus.samples]


def picklescan_answer(path: Path, *options: str) -> Answer:
    """Return the answer by the exit code; a file with an error and a dangerous import is flagged."""
    done = _command([_tool("picklescan"), *options, "--path", str(path)])
    if done.returncode == 1 or ": dangerous import " in done.stdout:
        return Answer.FLAGGED
    return Answer.CLEAN if done.returncode == 0 else Answer.ERROR


def picklescan_sweep(corpus: Corpus, *options: str) -> bool:
    """Scan the folder with one command, which ends with a summary unless a file stopped it."""
    done = _command([_tool("picklescan"), *options, "--path", str(corpus.folder)], files=len(corpus.samples))
    return "SCAN SUMMARY" in done.stdout


def fickling_answer(path: Path) -> Answer:
    """Return the worst answer about a file, or about the files of a folder: the command takes only one."""
    answers = [_fickling_answer(file) for file in _files(path)]
    return next((kind for kind in (Answer.FLAGGED, Answer.CLEAN) if kind in answers), Answer.ERROR)


def _fickling_answer(path: Path) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = _command([_tool("fickling"), "--check-safety", "--json-output", str(report), str(path)])
        if done.returncode == 0:
            return Answer.CLEAN
        return Answer.FLAGGED if done.returncode == 1 and report.is_file() else Answer.ERROR


def fickling_sweep(corpus: Corpus) -> bool:
    """Scan file by file."""
    for sample in corpus.samples:
        fickling_answer(sample.path)
    return True


def modelscan_answer(path: Path) -> Answer:
    """Return the answer by the JSON report: a file that was skipped or failed is an error."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _command([*_MODELSCAN, "-o", str(report), "-p", str(path)])
        try:
            found = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Answer.ERROR
    if found["issues"]:
        return Answer.FLAGGED
    scanned = found["summary"]["scanned"]["total_scanned"]
    return Answer.ERROR if found["errors"] or not scanned else Answer.CLEAN


def modelscan_sweep(corpus: Corpus) -> bool:
    """Scan the folder with one command, which writes a report unless a file stopped it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _command([*_MODELSCAN, "-o", str(report), "-p", str(corpus.folder)], files=len(corpus.samples))
        return report.is_file()


def _files(path: Path) -> list[Path]:
    return sorted(inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else [path]


def _tool(name: str) -> str:
    return str(CACHE / ("Scripts" if os.name == "nt" else "bin") / name)


_MODELSCAN = (_tool("modelscan"), "scan", "-r", "json", "--show-skipped")


def _command(command: Sequence[str], *, files: int = 1) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT) if command[0] == sys.executable else ""}
    limit = SECONDS + files  # seconds
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=limit, env=environ, cwd=CACHE
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "")


SCANNERS = (
    Scanner("modelhub", modelhub_answers, modelhub_sweep),
    Scanner("picklescan", one_by_one(picklescan_answer), picklescan_sweep),
    Scanner(
        "picklescan --strict",
        one_by_one(lambda path: picklescan_answer(path, "--strict")),
        lambda corpus: picklescan_sweep(corpus, "--strict"),
    ),
    Scanner("fickling", one_by_one(fickling_answer), fickling_sweep),
    Scanner("modelscan", one_by_one(modelscan_answer), modelscan_sweep),
)


@dataclass(slots=True)
class Row:
    """The figures of one scanner on one corpus. `seconds`: of every sweep; `whole`: each came to an end."""

    corpus: Corpus
    scanner: Scanner
    whole: bool = True
    answers: list[Answer] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def counts(self, *, malicious: bool) -> Counter[Answer]:
        """Return how many samples of one label got each answer."""
        pairs = zip(self.corpus.samples, self.answers, strict=True)
        return Counter(answer for sample, answer in pairs if sample.malicious is malicious)

    def line(self) -> str:
        """Return the row of the table."""
        bad, good = self.counts(malicious=True), self.counts(malicious=False)
        cells = (
            self.corpus.name,
            self.scanner.name,
            *(bad[kind] for kind in (Answer.FLAGGED, Answer.UNRECOGNISED, Answer.CLEAN, Answer.ERROR)),
            *(good[kind] for kind in (Answer.CLEAN, Answer.UNRECOGNISED, Answer.FLAGGED, Answer.ERROR)),
            self.time(),
        )
        return f"| {' | '.join(map(str, cells))} |"

    def time(self) -> str:
        """Return the median of the seconds; "stopped" when a file made the scanner end before the others."""
        if not self.whole:
            return "stopped"
        return f"{statistics.median(self.seconds):.1f}" if self.seconds else ""

    def surprises(self) -> Iterator[str]:
        """Yield the samples that were judged wrongly, or not at all."""
        for sample, answer in zip(self.corpus.samples, self.answers, strict=True):
            if answer is not (Answer.FLAGGED if sample.malicious else Answer.CLEAN):
                label = "malicious" if sample.malicious else "benign"
                yield f"{self.scanner.name}: {sample.path.name} ({label}): {answer.value}"


COLUMNS = (
    *("corpus", "scanner", "malicious: flagged", "unrecognised", "missed", "error"),
    *("benign: clean", "unrecognised", "false alarm", "error", "s"),
)
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def install() -> None:
    """Make the scanners' environment, unless it is there with these versions."""
    stamp = CACHE / "packages.txt"
    wanted = "\n".join(PACKAGES)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing {', '.join(PACKAGES)} into {CACHE}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(CACHE)], check=True)
    subprocess.run([_tool("python"), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    stamp.write_text(wanted)


def measure(corpora: Sequence[Corpus], rounds: int) -> list[Row]:
    """Judge every sample once, then sweep; the scanners take turns, so that a busy moment slows all of them."""
    rows = [Row(corpus, scanner) for corpus in corpora for scanner in SCANNERS]
    for row in rows:
        row.answers = row.scanner.answers(row.corpus)
        print(row.line(), file=sys.stderr, flush=True)
    for _ in range(rounds):
        for row in rows:
            start = time.perf_counter()
            row.whole &= row.scanner.sweep(row.corpus)
            row.seconds.append(time.perf_counter() - start)
    return rows


def main() -> None:
    """Make the corpora, run the scanners and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder with labels.tsv")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--names", action="store_true", help="list the samples that were judged wrongly")
    options = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as made:
        folders = [Path(made) / name for name in ("shapes", "hostile")]
        for folder in folders:
            folder.mkdir()
        corpora = [*map(labelled, (path.resolve() for path in options.corpus)), shapes(folders[0]), hostile(folders[1])]
        rows = measure(corpora, options.rounds)
    print(HEADER)
    for row in rows:
        print(row.line())
    if options.names:
        print("\n".join(line for row in rows for line in row.surprises()))


if __name__ == "__main__":
    main()
