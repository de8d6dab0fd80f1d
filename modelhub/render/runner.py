"""Run render jobs in worker processes: a crash, a hang or too much memory is a result, and the run continues."""

from __future__ import annotations

import importlib.util
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

import msgspec

from modelhub.errors import ModelhubError, Remedy
from modelhub.quantities import format_duration
from modelhub.render.messages import Job, Message, Ready, Result, Stage, decode_message, encode
from modelhub.render.verdicts import RenderVerdict, is_good, not_testable, not_tested

log = logging.getLogger(__name__)

NEEDED = ("torch", "diffusers", "transformers", "numpy", "PIL", "psutil")
_START_SECONDS = 300  # a cold disk may need minutes to import torch
_CHECK_SECONDS = 0.25  # between checks of the worker's memory
# Verdicts on a base after which adapters cannot be tested on it.
_FATAL = frozenset(
    (
        RenderVerdict.LOAD_ERROR,
        RenderVerdict.INCOMPLETE,
        RenderVerdict.INCOMPATIBLE,
        RenderVerdict.NOT_TESTED,
        RenderVerdict.NAN_UNET,
        RenderVerdict.OUT_OF_MEMORY,
        RenderVerdict.TIMEOUT,
        RenderVerdict.CRASH,
    )
)
OnStage = Callable[[Job, Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a worker: `seconds` for a job with its loading; `memory` in bytes, 0: what is free at the start."""

    seconds: float = 900.0
    memory: int = 0


def require() -> None:
    """Raise ModelhubError when a library that the worker needs is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelhubError(
            f"Rendering needs libraries that are not installed: {', '.join(missing)}.",
            Remedy("Install the extra `render`.", "install-render"),
        )


class Worker:
    """A worker process on one device. Not for several threads at once."""

    def __init__(self, device: str, *, limits: Limits, command: Sequence[str] | None = None) -> None:
        self.device = device
        self.limits = limits
        self._command = list(command or (sys.executable, "-m", "modelhub.render.worker", device))
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._stderr: IO[bytes] | None = None
        self._killed_for_memory = False

    def start(self) -> Ready:
        """Start the process and wait until it is ready. Raise ModelhubError when it cannot start."""
        # A process group of its own: Ctrl-C must reach only this process, which then ends the worker.
        options: dict[str, Any] = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._messages = queue.Queue()
        self._killed_for_memory = False
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
            **options,
        )
        threading.Thread(target=self._read_messages, args=(self._process, self._messages), daemon=True).start()
        first = self._next(time.monotonic() + _START_SECONDS)
        if isinstance(first, Ready):
            self.device = first.device
            threading.Thread(target=self._watch_memory, args=(self._process,), daemon=True).start()
            return first
        reason = (self._last_error_line() or "it ended at once").removeprefix("ValueError: ")
        self.stop()
        remedy = Remedy("Let the device be chosen automatically, or check the installation.", "choose-device")
        raise ModelhubError(f"The render process cannot start: {reason}.", remedy)

    def test(self, job: Job, on_stage: OnStage) -> Result:
        """Run one job and return its result, whatever happens; starts the process when it is not running."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        assert self._process is not None and self._process.stdin is not None
        started = time.monotonic()
        stage: Stage | None = None
        try:
            self._process.stdin.write(encode(job))
            self._process.stdin.flush()
            while True:
                message = self._next(started + self.limits.seconds)
                if isinstance(message, Result) and message.id == job.id:
                    return message
                if isinstance(message, Stage):
                    stage = message
                    on_stage(job, message)
                elif message is None:
                    break
        except OSError:
            log.debug("the render worker's pipe broke", exc_info=True)
        return self._result_of_dead(job, stage, time.monotonic() - started)

    def _result_of_dead(self, job: Job, stage: Stage | None, seconds: float) -> Result:
        """Return the result of a job during which the process died or was ended."""
        verdict, reason = self._find_cause(seconds)
        self.stop()
        words = not_testable(f"{reason} while {stage.text}" if stage else reason)
        base_failed = bool(stage and stage.about_base) and job.subject.path != job.base.path
        if base_failed:
            words = f"Its base {job.base.name} failed. {words}"
        return Result(id=job.id, verdict=verdict.value, words=words, seconds=seconds, base_failed=base_failed)

    def _find_cause(self, seconds: float) -> tuple[RenderVerdict, str]:
        """Return the verdict on a process without a result, and the reason as a clause."""
        assert self._process is not None
        if self._killed_for_memory:
            return RenderVerdict.OUT_OF_MEMORY, "the render process was ended before it used up the memory"
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return RenderVerdict.TIMEOUT, f"no result after {format_duration(seconds)}"
        log.debug("the render worker ended with %s: %s", code, self._last_error_line())
        if code == -9:
            return RenderVerdict.OUT_OF_MEMORY, "the system ended the render process, probably because memory ran out"
        if code < 0:
            return RenderVerdict.CRASH, f"the render process ended by signal {-code}"
        return RenderVerdict.CRASH, f"the render process ended with code {code}"

    def _next(self, deadline: float) -> Message | None:
        try:
            return self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def _last_error_line(self) -> str:
        """Return the last line on the process's stderr."""
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    @staticmethod
    def _read_messages(process: subprocess.Popen[bytes], messages: queue.Queue[Message | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                messages.put(decode_message(line))
            except (msgspec.DecodeError, msgspec.ValidationError):
                log.debug("the render worker printed %r", line[:200])
        messages.put(None)

    def _watch_memory(self, process: subprocess.Popen[bytes]) -> None:
        """End the process before it drives the machine into swapping."""
        import psutil

        memory = psutil.virtual_memory()
        limit = self.limits.memory or int(memory.available - 0.04 * memory.total)
        try:
            seen = psutil.Process(process.pid)
            while process.poll() is None:
                if seen.memory_info().rss > limit:
                    self._killed_for_memory = True
                    process.kill()
                    return
                time.sleep(_CHECK_SECONDS)
        except psutil.Error:
            return

    def stop(self) -> None:
        """End the process; does nothing when there is none."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None


class Pool:
    """Workers that take groups of jobs; the jobs of a group share a base, so one worker does them in order.

    `device`: "auto" uses every CUDA device, one worker each. Use the pool as a context: leaving it ends the workers.
    """

    def __init__(self, device: str, *, limits: Limits, on_stage: OnStage, command: Sequence[str] | None = None) -> None:
        self._device = device
        self._limits = limits
        self._command = command
        self._on_stage = on_stage
        self._workers: list[Worker] = []
        self._waiting: queue.SimpleQueue[Sequence[Job] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Job, Result] | BaseException] = queue.SimpleQueue()
        self._open = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            self._waiting.put(None)
            worker.stop()

    def start(self) -> Ready:
        """Start the first worker and prepare one for each further device. Raise ModelhubError when it cannot start."""
        require()
        self._workers = [self._worker(self._device)]
        ready = self._workers[0].start()
        if self._device == "auto":
            self._workers += [self._worker(f"cuda:{number}") for number in range(1, ready.cuda_devices)]
        for worker in self._workers:
            threading.Thread(target=self._serve, args=(worker,), daemon=True).start()
        return ready

    def _worker(self, device: str) -> Worker:
        return Worker(device, limits=self._limits, command=self._command)

    def submit(self, groups: Iterable[Sequence[Job]]) -> None:
        """Add groups of jobs; also possible while results are read."""
        for group in groups:
            self._open += len(group)
            self._waiting.put(group)

    def results(self) -> Iterator[tuple[Job, Result]]:
        """Yield every submitted job with its result, in the order in which they finish."""
        while self._open:
            answer = self._done.get()
            if isinstance(answer, BaseException):
                raise answer
            self._open -= 1
            yield answer

    def _serve(self, worker: Worker) -> None:
        """Run group after group on a worker, until the queue yields None."""
        try:
            while (group := self._waiting.get()) is not None:
                bad: Result | None = None
                for job in group:
                    own = job.subject.path == job.base.path
                    if bad is not None and not own and (bad.verdict in _FATAL or job.has_alternatives):
                        result = _skip_on_bad_base(job, bad)
                    else:
                        result = worker.test(job, self._on_stage)
                    if result.base_failed or (own and not is_good(result.verdict)):
                        bad = result
                    self._done.put((job, result))
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits
            self._done.put(exc)


def _skip_on_bad_base(job: Job, bad: Result) -> Result:
    """Return the result of a job whose base has just been found not to work."""
    words = bad.words if bad.base_failed else f"{not_tested(f'its base {job.base.name} does not work')} {bad.words}"
    return Result(id=job.id, verdict=RenderVerdict.NOT_TESTED.value, words=words, base_failed=True)
