"""Read a file once and feed any number of hashers: each in a thread of its own, or one after the other.

Hashing releases the interpreter's lock, so that one read keeps several cores busy. `BLOCKS` buffers of `BLOCK` bytes
stay in the processor's cache. Nothing is memory-mapped: a file that is truncated meanwhile is an error, not a crash.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from modelhub.errors import ModelhubError
from modelhub.storage import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import FileIO
    from pathlib import Path

    from modelhub.progress import Task
    from modelhub.storage.digests import Sink

BLOCK = 1 << 20  # bytes
BLOCKS = 16
_THREADS_FROM = 8 << 20  # bytes; below it starting threads costs more than it gains
_DROP_FROM = 1 << 30  # bytes; smaller files do not push much out of the page cache
_PROBES = 8

_log = logging.getLogger(__name__)

FileIdentity = tuple[int, int, int]  # size, modification time in ns, inode


def feed_sinks(
    path: Path, sinks: Sequence[Sink], *, progress_task: Task | None = None, threads: bool = True
) -> os.stat_result:
    """Feed all bytes of the regular file `path`, in order, to every sink; return its stat from before the read.

    `threads=False` keeps to one core. Raise FileChangedError when size, time or inode differ afterwards or the file
    ended early, NotFoundError or another ModelhubError when it cannot be read, and the errors of sinks unchanged.
    """
    before, file = _open(path)
    with file:
        try:
            _read_open_file(file, path, before, sinks, progress_task, threads)
        except _ReadError as exc:
            raise errors.from_os_error(exc.cause, path, "read") from exc.cause
    try:
        after = path.stat()
    except OSError as exc:
        raise _changed_error(path) from exc
    if file_identity(after) != file_identity(before):
        raise _changed_error(path)
    return before


def _open(path: Path) -> tuple[os.stat_result, FileIO]:
    try:
        before = path.stat()
        # Checked before the file is opened: opening a pipe would wait for its other end.
        if not stat.S_ISREG(before.st_mode):
            raise ModelhubError(f"Could not read {path}: it is not a file.", "Choose a model file.")
        return before, path.open("rb", buffering=0)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "read") from exc


class _ReadError(Exception):
    """An OSError of the read, as opposed to one that a sink raised."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def file_identity(status: os.stat_result) -> FileIdentity:
    """Return the facts of a file that stay the same as long as nothing writes to it."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def _changed_error(path: Path) -> errors.FileChangedError:
    return errors.FileChangedError(
        f"{path} was changed while it was being read.",
        "Wait until the program that writes to it is done, then try again.",
    )


def _read_open_file(
    file: FileIO, path: Path, before: os.stat_result, sinks: Sequence[Sink], task: Task | None, threads: bool
) -> None:
    size = before.st_size
    at_open = os.fstat(file.fileno())
    drop = size >= _DROP_FROM and not _looks_cached(file.fileno(), size)
    _expect_sequential(file.fileno())
    feed = _feed_in_threads if threads and size >= _THREADS_FROM and len(sinks) > 1 else _feed_in_turn
    done = feed(file, size, sinks, task)
    # One more byte than its size means that the file grew, one less that it shrank.
    if done != size or file_identity(os.fstat(file.fileno())) != file_identity(at_open):
        raise _changed_error(path)
    if drop:
        _drop_from_cache(file.fileno())


def _fill(file: FileIO, buffer: memoryview) -> int:
    """Read until `buffer` is full or the file ends; return the number of bytes."""
    got = 0
    while got < len(buffer):
        try:
            count = file.readinto(buffer[got:])
        except OSError as exc:
            raise _ReadError(exc) from exc
        if not count:
            break
        got += count
    return got


def _feed_in_turn(file: FileIO, size: int, sinks: Sequence[Sink], task: Task | None) -> int:
    # A block that stays in the second-level cache while all sinks read it.
    buffer = memoryview(bytearray(min(BLOCK // 4, size + 1)))
    position = 0
    while position <= size and (count := _fill(file, buffer)):
        for sink in sinks:
            sink.feed(buffer[:count], position)
        position += count
        if task is not None:
            task.advance(count)
    return position


class _Buffer:
    """One buffer; `waiting` counts the sinks that still have to read it."""

    __slots__ = ("count", "memory", "offset", "waiting")

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(BLOCK))
        self.count = 0
        self.offset = 0
        self.waiting = 0


class _SinkThreads:
    """A thread for each sink, and the buffers that they share."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.free: SimpleQueue[_Buffer] = SimpleQueue()
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._queues: list[SimpleQueue[_Buffer | None]] = [SimpleQueue() for _ in sinks]
        self._threads = [
            threading.Thread(target=self._run, args=(sink, queue), name=f"sink-{type(sink).__name__}", daemon=True)
            for sink, queue in zip(sinks, self._queues, strict=True)
        ]
        for _ in range(BLOCKS):
            self.free.put(_Buffer())

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def feed_all(self, buffer: _Buffer) -> None:
        buffer.waiting = len(self._queues)
        for queue in self._queues:
            queue.put(buffer)

    def stop(self) -> None:
        for queue in self._queues:
            queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, sink: Sink, queue: SimpleQueue[_Buffer | None]) -> None:
        failed = False
        while (buffer := queue.get()) is not None:
            # A failed sink still empties its queue: otherwise the reader would wait for its buffers forever.
            if not failed:
                failed = not self._feed(sink, buffer)
            with self._lock:
                buffer.waiting -= 1
                last = buffer.waiting == 0
            if last:
                self.free.put(buffer)

    def _feed(self, sink: Sink, buffer: _Buffer) -> bool:
        try:
            sink.feed(buffer.memory[: buffer.count], buffer.offset)
        except BaseException as exc:  # noqa: BLE001 - raised again in the reader's thread
            self.error = self.error or exc
            return False
        return True


def _feed_in_threads(file: FileIO, size: int, sinks: Sequence[Sink], task: Task | None) -> int:
    workers = _SinkThreads(sinks)
    workers.start()
    position = 0
    try:
        while position <= size and workers.error is None:
            buffer = workers.free.get()
            buffer.count, buffer.offset = _fill(file, buffer.memory), position
            if not buffer.count:
                break
            workers.feed_all(buffer)
            position += buffer.count
            if task is not None:
                task.advance(buffer.count)
    finally:
        workers.stop()
    if workers.error is not None:
        raise workers.error
    return position


def _advise(descriptor: int, advice: str) -> None:
    """Call `posix_fadvise` where the system has it; do nothing elsewhere, and where the file system refuses."""
    call: Callable[[int, int, int, int], None] | None = getattr(os, "posix_fadvise", None)
    if call is None:
        return
    try:
        call(descriptor, 0, 0, getattr(os, advice))
    except OSError as exc:
        _log.debug("no read advice taken: %s", exc)


def _expect_sequential(descriptor: int) -> None:
    _advise(descriptor, "POSIX_FADV_SEQUENTIAL")


def _drop_from_cache(descriptor: int) -> None:
    _advise(descriptor, "POSIX_FADV_DONTNEED")


def drop_file_from_cache(path: Path) -> None:
    """Make the next read of `path` come from the disk, where the system can and the bytes are flushed."""
    try:
        with path.open("rb", buffering=0) as file:
            _drop_from_cache(file.fileno())
    except OSError as exc:
        _log.debug("cannot drop %s from the cache: %s", path, exc)


def _looks_cached(descriptor: int, size: int) -> bool:
    """Return whether most of the file was in the page cache already, so that dropping it would slow others down."""
    if not hasattr(os, "RWF_NOWAIT"):
        return False
    byte = bytearray(1)
    hits = 0
    for probe in range(_PROBES):
        try:
            hits += os.preadv(descriptor, [byte], size * probe // _PROBES, os.RWF_NOWAIT) == 1
        except OSError:  # EAGAIN: not in memory; EOPNOTSUPP: the file system cannot say
            continue
    return hits > _PROBES // 2
