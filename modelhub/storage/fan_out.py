"""One read of a file, fed to any number of sinks: through a ring of buffers with a thread per sink, or in turn.

Why a ring: hashing releases the interpreter's lock, so one read can keep several cores busy. 16 buffers of 1 MiB
stay in the processor's cache; nothing is mapped, so that a file cut short meanwhile is an error and never a crash.
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

BLOCK = 1 << 20
BLOCKS = 16
_THREADS_FROM = 8 << 20  # bytes; below it starting threads costs more than it gains
_DROP_FROM = 1 << 30  # bytes; smaller files do not push much out of the page cache
_PROBES = 8

_log = logging.getLogger(__name__)

FileIdentity = tuple[int, int, int]


def feed_sinks(
    path: Path, sinks: Sequence[Sink], *, progress_task: Task | None = None, threads: bool = True
) -> os.stat_result:
    """Feed all bytes of the regular file `path`, in order, to every sink; answer with its stat, taken before the read.

    Size, time and inode are compared before and after: FileChangedError if any differs or the file ended early.
    Raises NotFoundError or another ModelhubError when it cannot be read; an error of a sink comes through as it is.
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
        raise _changed(path) from exc
    if file_identity(after) != file_identity(before):
        raise _changed(path)
    return before


def _open(path: Path) -> tuple[os.stat_result, FileIO]:
    try:
        before = path.stat()
        # Asked before the file is opened: opening a pipe would wait for its other end.
        if not stat.S_ISREG(before.st_mode):
            raise ModelhubError(f"Could not read {path}: it is not a file.", "Name a model file.")
        return before, path.open("rb", buffering=0)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "read") from exc


class _ReadError(Exception):
    """Tells an OSError of the read from one that a sink raised."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def file_identity(status: os.stat_result) -> FileIdentity:
    """Size, modification time in ns, and inode: what a file keeps as long as nobody writes to it."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def _changed(path: Path) -> errors.FileChangedError:
    return errors.FileChangedError(
        f"{path} was changed while it was being read.",
        "Wait until the program that writes it is done, then try again.",
    )


def _read_open_file(
    file: FileIO, path: Path, before: os.stat_result, sinks: Sequence[Sink], task: Task | None, threads: bool
) -> None:
    size = before.st_size
    at_open = os.fstat(file.fileno())
    drop = size >= _DROP_FROM and not _looks_cached(file.fileno(), size)
    _expect_sequential(file.fileno())
    feed = _feed_threads if threads and size >= _THREADS_FROM and len(sinks) > 1 else _feed_in_turn
    done = feed(file, size, sinks, task)
    # One more byte than announced means that the file grew, one less that it shrank.
    if done != size or file_identity(os.fstat(file.fileno())) != file_identity(at_open):
        raise _changed(path)
    if drop:
        _drop_from_cache(file.fileno())


def _fill(file: FileIO, buffer: memoryview) -> int:
    """Read until `buffer` is full or the file ends; how many bytes came."""
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
    # A block that stays in the second-level cache while all sinks go over it.
    buffer = memoryview(bytearray(min(BLOCK // 4, size + 1)))
    position = 0
    while position <= size and (count := _fill(file, buffer)):
        for sink in sinks:
            sink.feed(buffer[:count], position)
        position += count
        if task is not None:
            task.advance(count)
    return position


class _Slot:
    """One buffer of the ring. It is free again when as many sinks are done with it as there are."""

    __slots__ = ("buffer", "count", "offset", "waiting")

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(BLOCK))
        self.count = 0
        self.offset = 0
        self.waiting = 0


class _Ring:
    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.free: SimpleQueue[_Slot] = SimpleQueue()
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._queues: list[SimpleQueue[_Slot | None]] = [SimpleQueue() for _ in sinks]
        self._threads = [
            threading.Thread(target=self._run, args=(sink, queue), name=f"sink-{type(sink).__name__}", daemon=True)
            for sink, queue in zip(sinks, self._queues, strict=True)
        ]
        for _ in range(BLOCKS):
            self.free.put(_Slot())

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def hand_out(self, slot: _Slot) -> None:
        slot.waiting = len(self._queues)
        for queue in self._queues:
            queue.put(slot)

    def stop(self) -> None:
        for queue in self._queues:
            queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, sink: Sink, queue: SimpleQueue[_Slot | None]) -> None:
        failed = False
        while (slot := queue.get()) is not None:
            # A failed sink goes on emptying its queue: the reader must never wait for a slot that nobody gives back.
            if not failed:
                failed = not self._feed(sink, slot)
            with self._lock:
                slot.waiting -= 1
                last = slot.waiting == 0
            if last:
                self.free.put(slot)

    def _feed(self, sink: Sink, slot: _Slot) -> bool:
        try:
            sink.feed(slot.buffer[: slot.count], slot.offset)
        except BaseException as exc:  # noqa: BLE001 - raised again in the reader's thread
            self.error = self.error or exc
            return False
        return True


def _feed_threads(file: FileIO, size: int, sinks: Sequence[Sink], task: Task | None) -> int:
    ring = _Ring(sinks)
    ring.start()
    position = 0
    try:
        while position <= size and ring.error is None:
            slot = ring.free.get()
            slot.count, slot.offset = _fill(file, slot.buffer), position
            if not slot.count:
                break
            ring.hand_out(slot)
            position += slot.count
            if task is not None:
                task.advance(slot.count)
    finally:
        ring.stop()
    if ring.error is not None:
        raise ring.error
    return position


def _advise(descriptor: int, advice: str) -> None:
    """`posix_fadvise` where the system has it; elsewhere, and where the file system refuses, nothing."""
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
    """Let the next read of `path` come from the disk, where the system can be told so and the bytes are written."""
    try:
        with path.open("rb", buffering=0) as file:
            _drop_from_cache(file.fileno())
    except OSError as exc:
        _log.debug("cannot drop %s from the cache: %s", path, exc)


def _looks_cached(descriptor: int, size: int) -> bool:
    """Whether most of the file already was in the page cache, so that dropping it would harm whoever put it there."""
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
