"""Hashes of files and streams."""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from modelhub.domain import Hashes
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.storage.fan_out import BLOCK, BLOCKS
from modelhub.storage.hashing import (
    FileChangedError,
    StreamDigester,
    hash_file,
    hash_file_fully,
    hash_files,
    sha256_of,
)

HEADER = b'{"__metadata__":{"a":"b"}}'
BIG = 9 * BLOCK + 4321  # enough for the threads


def safetensors(size: int) -> bytes:
    """Return `size` bytes that start like a safetensors file."""
    start = len(HEADER).to_bytes(8, "little") + HEADER
    return start + os.urandom(size - len(start))


def reference(data: bytes, *, data_start: int | None = None) -> Hashes:
    """Compute the hashes in the plainest way, straight from their definitions."""
    return Hashes(
        sha256=hashlib.sha256(data).hexdigest(),
        blake3=blake3(data).hexdigest(),
        crc32=f"{zlib.crc32(data):08x}",
        autov1=hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8] if len(data) > 0x100000 else None,
        autov3=None if data_start is None else hashlib.sha256(data[data_start:]).hexdigest()[:12],
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """A function that writes bytes to a file with a name in another script."""

    def write(data: bytes) -> Path:
        path = tmp_path / "国风3 GuoFeng3.safetensors"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("size", [100, BLOCK, BLOCK + 1, 0x10FFFF, 0x110000, BIG, 8 * BLOCK, (BLOCKS + 3) * BLOCK])
def test_all_hashes_agree_with_their_definitions(write: Callable[[bytes], Path], size: int, threads: bool) -> None:
    """Serial or threaded, at and around every boundary, each hash equals its definition."""
    data = safetensors(size)
    assert hash_file(write(data), threads=threads) == reference(data, data_start=8 + len(HEADER))


def test_autov1_is_none_for_a_megabyte_or_less(write: Callable[[bytes], Path]) -> None:
    """The hash of nothing would match every small file."""
    assert hash_file(write(bytes(BLOCK))).autov1 is None
    assert hash_file(write(bytes(BLOCK + 1))).autov1 is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02}q\x00.",
        b"PK\x03\x04" + bytes(100),
        (50).to_bytes(8, "little") + b"no json" + bytes(100),
        (5000).to_bytes(8, "little") + b"{ends within its header",
        (200_000_000).to_bytes(8, "little") + b"{" + bytes(100),
    ],
)
def test_autov3_is_none_for_other_files_than_safetensors(write: Callable[[bytes], Path], data: bytes) -> None:
    """Only a safetensors file has a data part."""
    assert hash_file(write(data)) == reference(data)


def test_full_hashes_include_the_full_data_part_hash_and_the_facts_of_the_file(write: Callable[[bytes], Path]) -> None:
    """The hash that trainers embed has all 64 digits."""
    data = safetensors(5000)
    path = write(data)
    found = hash_file_fully(path)
    assert found.data_part_sha256 == hashlib.sha256(data[8 + len(HEADER) :]).hexdigest()
    assert (found.size, found.mtime_ns, found.inode) == (5000, path.stat().st_mtime_ns, path.stat().st_ino)
    assert sha256_of(path) == found.hashes.sha256


@pytest.mark.parametrize("piece", [1, 7, 1000, 65536])
def test_a_stream_gives_the_same_hashes_in_any_pieces(piece: int) -> None:
    """The boundaries of the pieces do not matter."""
    data = safetensors(0x110000 + 77 if piece > 100 else 3000)
    digester = StreamDigester()
    for start in range(0, len(data), piece):
        digester.update(data[start : start + piece])
    assert digester.position == len(data)
    assert digester.finish() == reference(data, data_start=8 + len(HEADER))


class Collector:
    """A sink that keeps all bytes."""

    def __init__(self) -> None:
        self.data = b""
        self.thread = threading.get_ident()

    def feed(self, data: memoryview, offset: int) -> None:
        assert offset == len(self.data)
        self.data += bytes(data)
        self.thread = threading.get_ident()


@pytest.mark.parametrize("threads", [True, False])
def test_further_sinks_get_all_bytes_in_order(write: Callable[[bytes], Path], threads: bool) -> None:
    """Fingerprints and health checks use the same read."""
    data = safetensors(BIG)
    sink = Collector()
    hash_file(write(data), sinks=[sink], threads=threads)
    assert sink.data == data
    assert (sink.thread != threading.get_ident()) is threads


class Interferer:
    """A sink that changes the file while it is read."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action: Callable[[], object] | None = action

    def feed(self, data: memoryview, offset: int) -> None:
        if self._action is not None:
            self._action()
            self._action = None


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("what", ["truncated", "grown", "touched", "replaced", "removed", "rewritten"])
def test_a_file_that_changes_meanwhile_gives_an_error(
    write: Callable[[bytes], Path], tmp_path: Path, what: str, threads: bool
) -> None:
    """A hash of a file that is being written would stay wrong for ever."""
    path = write(safetensors(40 * BLOCK))
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())

    def append() -> None:
        with path.open("ab") as file:
            file.write(b"x")

    def overwrite() -> None:
        with path.open("r+b") as file:
            file.write(b"x")
        os.utime(path, ns=(1, 1))

    actions: dict[str, Callable[[], object]] = {
        "truncated": lambda: os.truncate(path, 1000),
        "grown": append,
        "touched": lambda: os.utime(path, ns=(5, 5)),
        "replaced": lambda: os.replace(other, path),
        "removed": path.unlink,
        "rewritten": overwrite,
    }
    with pytest.raises(FileChangedError, match="国风3"):
        hash_file(path, sinks=[Interferer(actions[what])], threads=threads)


@pytest.mark.parametrize("threads", [True, False])
def test_a_failing_sink_ends_the_read_with_its_error(write: Callable[[bytes], Path], threads: bool) -> None:
    """The reader does not wait for a failed sink, and raises its error."""

    def fail() -> None:
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        hash_file(write(bytes(60 * BLOCK)), sinks=[Interferer(fail)], threads=threads)
    assert threading.active_count() == before


def test_a_path_that_is_not_a_file_is_an_error(tmp_path: Path) -> None:
    """A folder, a pipe, a missing file and a loop of links each have an error that names them."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(NotFoundError, match="missing"):
        hash_file(tmp_path / "missing")
    with pytest.raises(ModelhubError, match="not a file"):
        hash_file(tmp_path)
    with pytest.raises(ModelhubError, match="loop"):
        hash_file(loop)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelhubError, match="not a file"):
            hash_file(tmp_path / "pipe")


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_many_files_give_one_result_each_and_errors_are_results(tmp_path: Path, workers: int | None) -> None:
    """The other files are hashed when one cannot be read."""
    paths = [tmp_path / f"{number}.pt" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(os.urandom(1000 + number))
    paths.append(tmp_path / "missing.pt")
    results = {result.path: result for result in hash_files(paths, workers=workers)}
    assert set(results) == set(paths)
    assert isinstance(results[paths[-1]].error, NotFoundError)
    for path in paths[:-1]:
        found = results[path].found
        assert found is not None
        assert found.hashes == reference(path.read_bytes())


def test_a_caller_that_stops_iterating_ends_the_reads(tmp_path: Path) -> None:
    """As with Ctrl-C, a large file is not read to its end."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(1 << 36)  # sparse; hashing it would take a minute
    results = hash_files([large, small], workers=2)
    assert next(results).path == small
    results.close()  # type: ignore[attr-defined]
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("hash")] == []


def test_progress_counts_every_byte_once(write: Callable[[bytes], Path]) -> None:
    """The count ends at the size of the file."""

    class Counter:
        def __init__(self) -> None:
            self.done = 0

        def advance(self, amount: int) -> None:
            self.done += amount

        def total(self, amount: int) -> None:
            raise AssertionError

        def describe(self, text: str) -> None:
            raise AssertionError

    for threads in (True, False):
        counter = Counter()
        hash_file(write(bytes(BIG)), progress_task=counter, threads=threads)
        assert counter.done == BIG


def test_it_works_without_posix_read_advice(write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and macOS lack posix_fadvise and RWF_NOWAIT."""
    for name in ("posix_fadvise", "RWF_NOWAIT", "preadv"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr("modelhub.storage.fan_out._DROP_FROM", 1)
    data = safetensors(BIG)
    assert hash_file(write(data)).sha256 == hashlib.sha256(data).hexdigest()


def test_dropping_a_large_file_from_the_cache_leaves_the_hash_right(
    write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice concerns only the cache."""
    monkeypatch.setattr("modelhub.storage.fan_out._DROP_FROM", 1)
    data = safetensors(BIG)
    path = write(data)
    assert [hash_file(path).sha256 for _ in range(2)] == [hashlib.sha256(data).hexdigest()] * 2
