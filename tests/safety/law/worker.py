"""The loading process: `python -m tests.safety.law.worker`. It loads in forked children, locked down, and reports.

Requests come in as JSON lines on stdin ({"paths": […], "loaders": […], "permissive": false}), reports go out on stdout.
The parent has imported torch and tried each loader once, so that a child loads without importing anything.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.safety.law import stand_ins
from tests.safety.law.audit import PreventedError, Watch
from tests.safety.law.loaders import LOADERS, OverreadError, prepare
from tests.safety.law.names import allowed_names
from tests.safety.law.record import write_line
from tests.safety.law.tracked import TrackedUnpickler

CPU_SECONDS = 2  # of one load at least, then the child is ended
MAX_SECONDS = 1.5  # of one load, beyond a second per megabyte
MAX_GROWTH = 96 << 20  # bytes of one load, beyond 16 times the size of the file
_ADDRESSES = 1 << 30  # bytes that a child may reserve beyond what the parent has
_WRITTEN = 1 << 20  # bytes of a file
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "Unable to allocate")

_OF_THIS_RUN = re.compile(r"/tmp/[^'\" ,)]*|0x[0-9a-f]{6,}|(?<=')/[^' ]*/law-[^']*")  # paths and addresses

Job = tuple[int, str, str]


class Child:
    """The loads of one forked child. `output`: the pipe for its reports."""

    def __init__(self, output: int, watch: Watch) -> None:
        self.output = output
        self.watch = watch
        self.file = 0
        self.loader = ""
        self.guilty: set[int] = set()
        watch.report = self.report

    def report(self, kind: str, detail: str) -> None:
        """Report an event of the current load."""
        self.guilty.add(self.file)
        detail = _OF_THIS_RUN.sub("…", detail)
        write_line(self.output, file=self.file, loader=self.loader, kind=kind, detail=detail)

    def lock(self) -> None:
        """Limit memory and what a file may hold."""
        with contextlib.suppress(OSError, ValueError):
            pages = int(_read("/proc/self/statm").split()[0])
            limit = pages * resource.getpagesize() + _ADDRESSES
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            resource.setrlimit(resource.RLIMIT_FSIZE, (_WRITTEN, _WRITTEN))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def load(self, position: int, job: Job, *, permissive: bool) -> None:
        """Load one file with one loader and report how it ended."""
        self.file, self.loader, path = job
        write_line(self.output, file=self.file, loader=self.loader, started=position)
        used = time.process_time()
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + CPU_SECONDS, resource.RLIM_INFINITY))
        _reset_peak()
        before = _peak()
        outcome = self._watched_load(path, permissive=permissive)
        size = os.path.getsize(path)
        seconds = time.process_time() - used
        grown = _peak() - before
        if seconds > MAX_SECONDS + size / 1e6:
            self.report("time", f"{seconds:.1f} s for {size} bytes")
        if grown > MAX_GROWTH + 16 * size:
            self.report("memory", f"{grown >> 20} MB for {size} bytes")
        write_line(self.output, file=self.file, loader=self.loader, done=outcome)

    def _watched_load(self, path: str, *, permissive: bool) -> str:
        self.watch.start(path, permissive=permissive)
        try:
            LOADERS[self.loader](path)
        except PreventedError:
            return "prevented"
        except OverreadError as exc:
            self.watch.stop()
            self.report("overread", str(exc))
            return "OverreadError"
        except BaseException as exc:  # noqa: BLE001 - whatever a loader raises is only an outcome here
            self.watch.stop()
            if isinstance(exc, MemoryError) or any(text in str(exc) for text in _NO_MEMORY):
                self.report("memory", f"{type(exc).__name__}: {exc}"[:120])
            return type(exc).__name__
        finally:
            self.watch.stop()
        return "loaded"


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _reset_peak() -> None:
    """Reset the peak of resident memory where the system can."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def _peak() -> int:
    """Return the peak of resident memory in bytes."""
    with contextlib.suppress(OSError, ValueError):
        text = _read("/proc/self/status")
        return int(text[text.index("VmHWM:") + 6 :].split()[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _run(jobs: list[Job], watch: Watch, folder: str, *, permissive: bool) -> Iterator[dict[str, Any]]:
    """Load in children until all jobs are done: a child that dies is reported, and the next one continues after it.

    A file that has caused an event is not loaded again by the other loaders, unless `permissive`.
    """
    while jobs:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _serve_child(Child(writer, watch), jobs, folder, permissive=permissive)
        os.close(writer)
        current: Job | None = None
        position = -1
        with os.fdopen(reader, "rb") as lines:
            for line in lines:
                message = json.loads(line)
                if "started" in message:
                    position = message["started"]
                    current = jobs[position]
                else:
                    current = None if "done" in message else current
                    yield message
        _, status = os.waitpid(child, 0)
        if current is not None:
            yield {"file": current[0], "loader": current[1], **_end(status)}
            jobs = [job for job in jobs[position + 1 :] if permissive or job[0] != current[0]]
        elif status:
            raise RuntimeError(f"the loading child ended between two loads ({status})")
        else:
            return


def _end(status: int) -> dict[str, str]:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return {"kind": "time", "detail": f"over {CPU_SECONDS} s"}
    ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
    return {"kind": "crash", "detail": ended}


def _serve_child(child: Child, jobs: list[Job], folder: str, *, permissive: bool) -> None:
    """Load all jobs in this process and end it."""
    try:
        os.chdir(folder)
        os.environ.update(HOME=folder, TMPDIR=folder)
        tempfile.tempdir = folder
        child.lock()
        for position, job in enumerate(jobs):
            if permissive or job[0] not in child.guilty:
                child.load(position, job, permissive=permissive)
        os._exit(0)
    finally:
        os._exit(70)


def _leave_network() -> None:
    """Enter a network namespace without a network, where the system allows it."""
    import ctypes

    new_user, new_network = 0x10000000, 0x40000000
    library = ctypes.CDLL(None)
    if getattr(library, "unshare", None) is not None and library.unshare(new_network) != 0:
        library.unshare(new_user | new_network)


def _warm_up(folder: str) -> None:
    """Run every loader once on a plain file of its kind, so that what they import late is there."""
    from tests.safety.law.genuine import write_all

    for path in write_all(folder):
        for load in LOADERS.values():
            with contextlib.suppress(Exception):
                load(path)
        os.unlink(path)


def main() -> None:
    """Serve requests until stdin ends."""
    output = os.dup(1)
    os.dup2(2, 1)  # whatever a loader prints must not be taken for a report
    _leave_network()
    names = allowed_names()
    watch = Watch(names, lambda kind, detail: None)
    TrackedUnpickler.watch = watch
    prepare()
    stand_ins.provide(names, watch)
    with tempfile.TemporaryDirectory(prefix="law-") as folder:
        _warm_up(folder)
        sys.addaudithook(watch.hook)
        gc.collect()
        gc.freeze()
        write_line(output, ready=True)
        for line in sys.stdin:
            request = json.loads(line)
            jobs = [(n, loader, path) for n, path in enumerate(request["paths"]) for loader in request["loaders"]]
            for message in _run(jobs, watch, folder, permissive=request.get("permissive", False)):
                write_line(output, **message)
            left = os.listdir(folder)
            for name in left:
                os.unlink(os.path.join(folder, name))
            write_line(output, end=True, left=left)


if __name__ == "__main__":
    main()
