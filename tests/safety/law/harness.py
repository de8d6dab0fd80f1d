"""The judging side: modelhub's verdict on candidates, then the loading process for those that it calls harmless."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self

from modelhub.domain import Verdict
from modelhub.formats import read_header
from modelhub.safety import assess
from tests.safety.law.record import Event, Loads

ROOT = Path(__file__).resolve().parents[3]
HARMLESS = (Verdict.SAFE, Verdict.SAFE_LEGACY)
MAX_JUDGE_SECONDS = 5.0
ALL_LOADERS = (
    "torch.load",
    "torch.load weights_only",
    "torch.load mmap",
    "torch.load Python machine",
    "pickle.load",
    "pickle.load of memory",
    "pickles one by one",
    "pickles, Python machine",
    "numpy.load",
    "safetensors",
    "zipfile and pickle",
)

Judge = Callable[[Path], Verdict]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be judged and loaded. `name`: with the suffix that it is judged under; `kind`: its generator."""

    name: str
    content: bytes
    kind: str = ""


@dataclass(slots=True)
class Outcome:
    """One candidate's verdict (None: the judge failed), how long judging took, and what loading it did."""

    candidate: Candidate
    verdict: Verdict | None
    seconds: float
    error: str = ""
    loads: Loads = field(default_factory=Loads)

    @property
    def accepted(self) -> bool:
        """Whether modelhub calls the file safe or safe-legacy."""
        return self.verdict in HARMLESS

    @property
    def violations(self) -> tuple[Event, ...]:
        """Every event that breaks the law: of loading an accepted file, and of judging any file."""
        events = self.loads.events if self.accepted else []
        judged = []
        if self.error:
            judged.append(Event("modelhub", "error", self.error))
        if self.seconds > MAX_JUDGE_SECONDS:
            judged.append(Event("modelhub", "time", f"{self.seconds:.1f} s for {len(self.candidate.content)} bytes"))
        return (*events, *judged)


def judge_with_modelhub(path: Path) -> Verdict:
    """Return modelhub's verdict on a file."""
    return assess(read_header(path)).verdict


class LoadingProcess:
    """A running worker; a context manager. `load` may be called any number of times."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.safety.law.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=environment,
        )
        self._expect("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe("stdin").close()
        self._process.wait(timeout=30)
        self._log.close()

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] | None = getattr(self._process, name)
        assert pipe is not None
        return pipe

    def _read(self) -> dict[str, Any]:
        line = self._pipe("stdout").readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"the loading process ended: {self._log.read()[-2000:].decode(errors='replace')}")
        message: dict[str, Any] = json.loads(line)
        return message

    def _expect(self, key: str) -> None:
        while key not in self._read():
            pass

    def load(
        self, paths: Sequence[Path], *, loaders: Sequence[str] = ALL_LOADERS, permissive: bool = False
    ) -> list[Loads]:
        """Load every file with every loader, a batch in one process, and return what each did."""
        found = [Loads() for _ in paths]
        request = {"paths": [str(path) for path in paths], "loaders": list(loaders), "permissive": permissive}
        self._pipe("stdin").write(json.dumps(request).encode() + b"\n")
        self._pipe("stdin").flush()
        while True:
            message = self._read()
            if "end" in message:
                break
            loads, loader = found[message["file"]], message["loader"]
            if "kind" in message:
                loads.events.append(Event(loader, message["kind"], message["detail"]))
            loads.done[loader] = message.get("done", "ended")
        if message["left"]:
            for loads in found:
                loads.events.append(Event("", "left", str(message["left"])))
        return found


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so much processor time."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Law:
    """The law, applied to candidates: `judge` calls a file harmless, so no loader may act on it."""

    def __init__(self, process: LoadingProcess, folder: Path, *, judge: Judge = judge_with_modelhub) -> None:
        self.process = process
        self.folder = folder
        self.judge = judge

    def check(self, candidates: Sequence[Candidate], *, load_all: bool = False) -> list[Outcome]:
        """Judge all candidates and load the accepted ones; with `load_all` also the others, to see what they would do.

        An act in a batch is confirmed by loading its file alone, in a process of its own.
        """
        outcomes, paths = [], []
        for number, candidate in enumerate(candidates):
            path = self.folder / f"{number}-{candidate.name}"
            path.write_bytes(candidate.content)
            paths.append(path)
            outcomes.append(self._judge(candidate, path))
        wanted = [n for n, outcome in enumerate(outcomes) if outcome.accepted or load_all]
        if wanted:
            for number, loads in zip(wanted, self.process.load([paths[n] for n in wanted]), strict=True):
                doubtful = any(event.kind in ("name", "call", "act", "left") for event in loads.events)
                outcomes[number].loads = self.process.load([paths[number]])[0] if doubtful else loads
        for path in paths:
            with suppress(OSError):
                path.unlink()
        return outcomes

    def _judge(self, candidate: Candidate, path: Path) -> Outcome:
        started = time.process_time()
        try:
            with _time_limit(MAX_JUDGE_SECONDS + 1):
                verdict = self.judge(path)
        except TimeoutError:
            return Outcome(candidate, None, time.process_time() - started)
        except Exception as exc:  # noqa: BLE001 - any exception breaks the law
            return Outcome(candidate, None, time.process_time() - started, f"{type(exc).__name__}: {exc}"[:200])
        return Outcome(candidate, verdict, time.process_time() - started)
