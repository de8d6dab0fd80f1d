"""The long mode: `python -m tests.safety.law --count 100000 --seed 1` prints shares, violations and seconds.

`--files FOLDER` checks the files of a folder instead, such as a corpus of malicious pickles.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from tests.safety.law.generators import GENERATORS, candidates
from tests.safety.law.harness import Candidate, Law, LoadingProcess, Outcome

BATCH = 24
_LARGEST_FILE = 64 << 20  # bytes


class Figures:
    """Counts of a run. `examples`: the smallest candidate for each kind of violation."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.loads = 0
        self.violations: Counter[tuple[str, str, str]] = Counter()
        self.examples: dict[tuple[str, str, str], Outcome] = {}

    def add(self, outcome: Outcome) -> None:
        """Count one candidate."""
        kind = outcome.candidate.kind
        self.made[kind] += 1
        self.accepted[kind] += outcome.accepted
        self.verdicts[str(outcome.verdict)] += 1
        self.loads += len(outcome.loads.done)
        for event in outcome.violations:
            key = (kind, event.kind, event.detail[:60])
            self.violations[key] += 1
            known = self.examples.get(key)
            if known is None or len(outcome.candidate.content) < len(known.candidate.content):
                self.examples[key] = outcome

    def lines(self) -> Iterator[str]:
        """Yield the figures as text."""
        for kind, count in sorted(self.made.items()):
            yield f"  {kind:24} {count:>7} made  {self.accepted[kind] / count:>6.1%} accepted"
        yield f"  verdicts: {', '.join(f'{name} {count}' for name, count in self.verdicts.most_common())}"
        for (kind, what, detail), count in self.violations.most_common():
            yield f"  VIOLATION {count:>5} × {kind}: {what} {detail}"


def run(law: Law, made: Iterable[Candidate], figures: Figures) -> None:
    """Check candidates in batches."""
    waiting = iter(made)
    while batch := list(islice(waiting, BATCH)):
        for outcome in law.check(batch):
            figures.add(outcome)


def main() -> int:
    """Run the long mode and return 1 if the law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.safety.law", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=Path, help="folder whose files are checked instead of made ones")
    parser.add_argument("--only", action="append", default=[], choices=list(GENERATORS))
    parser.add_argument("--keep", type=Path, help="folder for one file per kind of violation")
    options = parser.parse_args()
    figures, started = Figures(), time.monotonic()
    with LoadingProcess() as process, tempfile.TemporaryDirectory(prefix="law-") as folder:
        run(
            Law(process, Path(folder)),
            files_of(options.files)
            if options.files
            else candidates(options.count, options.seed, only=tuple(options.only)),
            figures,
        )
    seconds = time.monotonic() - started
    print("\n".join(figures.lines()))
    accepted = sum(figures.accepted.values())
    of = f"of {options.files}" if options.files else f"of seed {options.seed}"
    print(
        f"{sum(figures.made.values())} candidates {of}, {accepted} accepted, {figures.loads} loads,"
        f" {sum(figures.violations.values())} violations, {seconds:.0f} s"
    )
    if options.keep is not None:
        keep(figures, options.keep)
    return 1 if figures.violations else 0


def files_of(folder: Path) -> Iterator[Candidate]:
    """Yield the files of a folder, the largest left out, each under its own name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= _LARGEST_FILE:
            yield Candidate(path.name, path.read_bytes(), "a file of the folder")


def keep(figures: Figures, folder: Path) -> None:
    """Write the smallest candidate of each kind of violation, and a list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for (kind, what, detail), outcome in figures.examples.items():
        name = hashlib.sha256(outcome.candidate.content).hexdigest()[:12] + "-" + outcome.candidate.name
        (folder / name).write_bytes(outcome.candidate.content)
        loaders = ", ".join(sorted({event.loader for event in outcome.violations}))
        rows.append(f"{name}\t{outcome.verdict}\t{kind}\t{what}\t{detail}\t{loaders}")
    (folder / "violations.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
