"""Hashes of files: SHA-256, BLAKE3, CRC32, AutoV1 and AutoV3 from one read each."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from modelhub.errors import ModelhubError
from modelhub.storage.digests import AllDigests, Sha256Sink, Sink, StreamDigester
from modelhub.storage.errors import FileChangedError
from modelhub.storage.fan_out import feed_sinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modelhub.domain import Hashes
    from modelhub.progress import Task

__all__ = [
    "FileChangedError",
    "FullHashes",
    "HashResult",
    "Sink",
    "StreamDigester",
    "hash_file",
    "hash_file_fully",
    "hash_files",
    "sha256_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FullHashes:
    """Hashes, the full hash of a safetensors data part, and the hashed file's size, mtime and inode."""

    hashes: Hashes
    data_part_sha256: str | None
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HashResult:
    """The result for one of several files: exactly one of `found` and `error` is set."""

    path: Path
    found: FullHashes | None = None
    error: ModelhubError | None = None


def hash_file(
    path: Path, *, progress_task: Task | None = None, sinks: Sequence[Sink] = (), threads: bool = True
) -> Hashes:
    """Return all hashes of `path` from one read, which also feeds `sinks`.

    `threads=False` keeps to one core, for many files at once. Raise FileChangedError when the file changed meanwhile,
    NotFoundError or another ModelhubError when it cannot be read.
    """
    return hash_file_fully(path, progress_task=progress_task, sinks=sinks, threads=threads).hashes


def hash_file_fully(
    path: Path, *, progress_task: Task | None = None, sinks: Sequence[Sink] = (), threads: bool = True
) -> FullHashes:
    """Hash like `hash_file`, and return also the facts by which a catalog recognizes the file."""
    digests = AllDigests()
    status = feed_sinks(path, (*digests.sinks, *sinks), progress_task=progress_task, threads=threads)
    return FullHashes(
        hashes=digests.hashes(),
        data_part_sha256=digests.data_part_sha256,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
    )


def sha256_of(path: Path, *, progress_task: Task | None = None) -> str:
    """Return only the SHA-256, 64 hex digits; raise like `hash_file`."""
    sink = Sha256Sink()
    feed_sinks(path, (sink,), progress_task=progress_task)
    return sink.sha256


def hash_files(
    paths: Iterable[Path],
    *,
    workers: int | None = None,
    progress_task: Task | None = None,
    sinks_for: Callable[[Path], Sequence[Sink]] | None = None,
) -> Iterator[HashResult]:
    """Hash many files, one core each; yield the results in the order in which they are done.

    `workers`: how many at once; None means one for each core, or one where files are on a spinning disk, which
    parallel reads only slow down. A file that fails gives a result with its error; the others continue.
    """
    todo = list(paths)
    count = workers or _workers_for(todo)
    if count == 1 or len(todo) <= 1:
        for path in todo:
            yield _hash_one(path, progress_task, sinks_for, threads=True)
        return
    yield from _hash_in_parallel(todo, count, progress_task, sinks_for)


class _CancelledRead(Exception):  # noqa: N818 - not an error
    """The end of a read whose result nobody waits for any more."""


class _CancelSink:
    """A sink that ends the read once `cancelled` is set: Ctrl-C must not wait for the last byte of a large file."""

    def __init__(self, cancelled: Event) -> None:
        self._cancelled = cancelled

    def feed(self, data: memoryview, offset: int) -> None:
        if self._cancelled.is_set():
            raise _CancelledRead


def _hash_one(
    path: Path,
    task: Task | None,
    sinks_for: Callable[[Path], Sequence[Sink]] | None,
    *,
    threads: bool,
    first_sinks: Sequence[Sink] = (),
) -> HashResult:
    try:
        sinks = (*first_sinks, *(sinks_for(path) if sinks_for else ()))
        return HashResult(path=path, found=hash_file_fully(path, progress_task=task, sinks=sinks, threads=threads))
    except ModelhubError as exc:
        return HashResult(path=path, error=exc)


def _hash_in_parallel(
    paths: list[Path],
    workers: int,
    task: Task | None,
    sinks_for: Callable[[Path], Sequence[Sink]] | None,
) -> Iterator[HashResult]:
    remaining = iter(paths)
    cancelled = Event()
    cancel_sinks = (_CancelSink(cancelled),)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hash")
    try:
        # Only a few ahead, so that Ctrl-C and a caller that stops iterating end soon.
        running: set[Future[HashResult]] = set()
        while True:
            for path in islice(remaining, 2 * workers - len(running)):
                running.add(pool.submit(_hash_one, path, task, sinks_for, threads=False, first_sinks=cancel_sinks))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        cancelled.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _workers_for(paths: Sequence[Path]) -> int:
    if any(is_spinning(folder) for folder in {path.parent for path in paths[:100]}):
        return 1
    return max(1, min(os.cpu_count() or 1, len(paths)))


def is_spinning(path: Path) -> bool:
    """Return whether `path` is known to be on a spinning disk (Linux lists them in /sys; False elsewhere)."""
    try:
        device = path.stat().st_dev
        node = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    except (OSError, AttributeError):
        return False
    for folder in (node, node.parent):  # a partition has its disk as parent
        try:
            return (folder / "queue" / "rotational").read_text().strip() == "1"
        except OSError:
            continue
    return False
