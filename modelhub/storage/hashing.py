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
    """Hashes, the uncut hash of a safetensors data part, and what was hashed: size, mtime and inode at that time."""

    hashes: Hashes
    data_part_sha256: str | None
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HashResult:
    """The outcome for one of several files: exactly one of `found` and `error` is set."""

    path: Path
    found: FullHashes | None = None
    error: ModelhubError | None = None


def hash_file(
    path: Path, *, progress_task: Task | None = None, sinks: Sequence[Sink] = (), threads: bool = True
) -> Hashes:
    """All hashes of `path` from one read; `sinks` are fed the same bytes, each `(memoryview, file offset)` in order.

    `threads=False` keeps to one core, for many files at once. Raises FileChangedError when the file changed meanwhile,
    NotFoundError or another ModelhubError when it cannot be read.
    """
    return hash_file_fully(path, progress_task=progress_task, sinks=sinks, threads=threads).hashes


def hash_file_fully(
    path: Path, *, progress_task: Task | None = None, sinks: Sequence[Sink] = (), threads: bool = True
) -> FullHashes:
    """As `hash_file`, with the facts that a catalog keeps to know the file again."""
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
    """Only the SHA-256, 64 hex digits; errors as `hash_file`."""
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
    """Hash many files, one core each; results come in the order in which files are done.

    `workers`: how many at once; None takes the number of cores, or one where the files lie on a spinning disk, which
    parallel reads only slow down. A file that fails gives a result with its error, the others go on.
    """
    todo = list(paths)
    count = workers or _workers_for(todo)
    if count == 1 or len(todo) <= 1:
        for path in todo:
            yield _hash_one(path, progress_task, sinks_for, threads=True)
        return
    yield from _hash_in_parallel(todo, count, progress_task, sinks_for)


class _Stopped(Exception):  # noqa: N818 - not an error
    """Nobody waits for the results any more."""


class _StopSink:
    """Ends a read soon after `stop` is set: Ctrl-C must not wait for the last byte of a large file."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def feed(self, data: memoryview, offset: int) -> None:
        if self._stop.is_set():
            raise _Stopped


def _hash_one(
    path: Path,
    task: Task | None,
    sinks_for: Callable[[Path], Sequence[Sink]] | None,
    *,
    threads: bool,
    stop: Sequence[Sink] = (),
) -> HashResult:
    try:
        sinks = (*stop, *(sinks_for(path) if sinks_for else ()))
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
    stop = Event()
    guard = (_StopSink(stop),)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hash")
    try:
        # Only a few ahead, so that Ctrl-C and a caller that stops listening end soon.
        running: set[Future[HashResult]] = set()
        while True:
            for path in islice(remaining, 2 * workers - len(running)):
                running.add(pool.submit(_hash_one, path, task, sinks_for, threads=False, stop=guard))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _workers_for(paths: Sequence[Path]) -> int:
    if any(is_spinning(folder) for folder in {path.parent for path in paths[:100]}):
        return 1
    return max(1, min(os.cpu_count() or 1, len(paths)))


def is_spinning(path: Path) -> bool:
    """Whether `path` is known to lie on a rotating disk (Linux says so in /sys; elsewhere False)."""
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
