"""BlockPool in memory, the writer behind the connections, writing past the page cache, hashing from memory."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer import part_file, positioned_file
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.disk_writer import DiskWriter
from modelhub.fetch.transfer.download import download
from modelhub.fetch.transfer.hash_pipeline import HashPipeline
from modelhub.fetch.transfer.positioned_file import PositionedFile
from modelhub.fetch.transfer.retry import CancelledError
from modelhub.testing.hubs.faulty import serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, sha256

HELD = 12


def never() -> None:
    """Nobody calls off."""


def stop() -> None:
    """Somebody does."""
    raise CancelledError


def filled(blocks: BlockPool, offset: int, data: bytes) -> Block:
    """A block with this in it."""
    block = blocks.take(offset, never)
    block.memory[: len(data)] = data
    block.length = len(data)
    return block


def test_blocks_are_used_again_once_nobody_reads_them() -> None:
    """Two readers: the second one gives it back."""
    blocks = BlockPool(PIECE, most=1)
    block = blocks.take(0, never)
    blocks.hold(block)
    blocks.release(block)
    with pytest.raises(CancelledError):
        blocks.take(1, stop)
    blocks.release(block)
    assert blocks.take(7, never) is block
    assert (block.offset, block.length, block.crc) == (7, 0, 0)


def test_who_waits_for_a_block_gets_the_next_one() -> None:
    """From another thread."""
    blocks = BlockPool(PIECE, most=1)
    block = blocks.take(0, never)
    got: list[Block] = []
    thread = threading.Thread(target=lambda: got.append(blocks.take(1, never)))
    thread.start()
    blocks.release(block)
    thread.join(5)
    assert got == [block]


def test_the_writer_keeps_the_order_and_frees_what_it_wrote() -> None:
    """Closing writes what is queued."""
    blocks, written, freed = BlockPool(PIECE, most=9), [], []
    writer = DiskWriter(lambda block: written.append(block.offset), lambda block: freed.append(block.offset))
    for number in range(9):
        writer.put(filled(blocks, number, b"x"))
    assert writer.close()
    assert written == freed == list(range(9))
    assert writer.error is None


def test_a_failed_write_reaches_the_connections_and_ends_the_writing() -> None:
    """Nothing is written after it; the memory is free again."""
    blocks, tried, freed = BlockPool(PIECE, most=9), [], []

    def fail(block: Block) -> None:
        tried.append(block.offset)
        raise ModelhubError("the disk is full", "Free some space.")

    writer = DiskWriter(fail, lambda block: freed.append(block.offset))
    writer.put(filled(blocks, 0, b"x"))
    with pytest.raises(ModelhubError, match="disk is full"):
        writer.wait(-1, never)
    with pytest.raises(ModelhubError, match="disk is full"):
        writer.put(filled(blocks, 1, b"x"))
    assert writer.close()
    assert (tried, freed) == ([0], [0])
    assert isinstance(writer.error, ModelhubError)


def test_who_is_called_off_does_not_wait_for_the_writer() -> None:
    """The stop sign counts more than a slow disk."""
    blocks, go = BlockPool(PIECE, most=2), threading.Event()
    writer = DiskWriter(lambda block: go.wait(5) and None, blocks.release)
    writer.put(filled(blocks, 0, b"x"))
    with pytest.raises(CancelledError):
        writer.wait(0, stop)
    go.set()
    assert writer.close()


@pytest.fixture
def past_cache(tmp_path: Path) -> Path:
    """A file that can be written past the page cache; where no file can, the test is skipped."""
    path = tmp_path / "file"
    flag = getattr(os, "O_DIRECT", 0)
    if not flag:
        pytest.skip("this system cannot write past its page cache")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | flag))
    except OSError:
        pytest.skip(f"the file system of {tmp_path} cannot write past the page cache")
    return path


def opened(path: Path, *, portable: bool = False) -> PositionedFile:
    """The file under test."""
    return PositionedFile(os.open(path, os.O_RDWR | os.O_CREAT), portable=portable)


@pytest.mark.parametrize("size", [4096, 8192 + 5, 17, PIECE])
def test_past_the_cache_the_same_bytes_arrive(past_cache: Path, size: int) -> None:
    """Whole blocks past it, an odd end through it."""
    data = random.Random(size).randbytes(size)
    block = filled(BlockPool(PIECE, most=1), 0, data)
    file = opened(past_cache)
    file.open_past_cache(past_cache)
    file.write_past_cache(0, block.data)
    file.write_past_cache(PIECE, block.data)
    assert file.read_at(0, size) == data
    assert file.read_at(PIECE, size) == data
    file.close()
    assert past_cache.stat().st_size == PIECE + size


def test_a_file_system_that_cannot_is_written_the_usual_way(past_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EINVAL at the first write: through the cache from then on, and nothing is lost."""
    real, refused = os.pwrite, []
    file = opened(past_cache)
    file.open_past_cache(past_cache)

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        if descriptor != file.descriptor:
            refused.append(offset)
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, data, offset)

    monkeypatch.setattr(positioned_file.os, "pwrite", pwrite)
    block = filled(BlockPool(PIECE, most=1), 0, b"abc" * 5000)
    file.write_past_cache(0, block.data)
    file.write_past_cache(PIECE, block.data)
    assert refused == [0]
    assert file.read_at(PIECE, 15000) == file.read_at(0, 15000) == b"abc" * 5000
    file.close()


def test_a_full_disk_past_the_cache_is_a_full_disk(past_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other errors are not taken for a lack of ability."""
    file = opened(past_cache)
    file.open_past_cache(past_cache)

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(positioned_file.os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space"):
        file.write_past_cache(0, filled(BlockPool(PIECE, most=1), 0, bytes(PIECE)).data)
    file.close()


def test_the_portable_way_knows_no_way_past_the_cache(tmp_path: Path) -> None:
    """Windows: the same call, the usual write."""
    file = opened(tmp_path / "file", portable=True)
    file.open_past_cache(tmp_path / "file")
    file.write_past_cache(0, memoryview(b"x" * PIECE))
    assert file.read_at(0, 2 * PIECE) == b"x" * PIECE
    file.close()


@pytest.mark.parametrize("portable", [False, True])
def test_a_large_file_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portable: bool) -> None:
    """The way of large files, on a small one: both hashes, several connections, an odd end."""
    monkeypatch.setattr(part_file, "_PAST_CACHE_FROM", 0)
    monkeypatch.setattr("modelhub.fetch.transfer.hash_pipeline._THREADS_FROM", 1)
    if portable:
        monkeypatch.setattr(part_file, "PositionedFile", lambda fd, portable: PositionedFile(fd, portable=True))
    data = content(size=90 * PIECE + 77)
    with serving(data) as server:
        remote = RemoteFile(name="m.safetensors", url=f"{server.url}/m.safetensors", sha256=sha256(data))
        got = download(remote, tmp_path, settings=QUICK)
    assert got.path.read_bytes() == data
    assert got.hashes.autov3 == hashlib.sha256(data[10:]).hexdigest()[:12]


def test_hashes_take_from_memory_what_they_can_and_read_the_rest(tmp_path: Path) -> None:
    """BlockPool out of order, refused ones, and ones that lie on the disk already: every byte once, in order."""
    data = content(size=(3 * HELD) * PIECE + 5)
    path = tmp_path / "file"
    path.write_bytes(data)
    read: list[int] = []

    def read_into(offset: int, buffer: memoryview) -> int:
        part = data[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        read.append(offset)
        return len(part)

    pipeline = HashPipeline(read_into, threading.Event(), held=HELD)
    blocks = BlockPool(PIECE, most=4 * HELD)
    offsets = list(range(0, len(data), PIECE))
    early = filled(blocks, 0, data[:PIECE])
    assert not pipeline.offer(early, blocks)  # too little is there for threads
    pipeline._start()
    order = offsets[2:]
    random.Random(4).shuffle(order)
    taken = [at for at in order if pipeline.offer(filled(blocks, at, data[at : at + PIECE]), blocks)]
    assert len(taken) == HELD
    pipeline.written_up_to(len(data))
    hashes = pipeline.finish(len(data), crc32=0)
    assert hashes.sha256 == sha256(data)
    assert hashes.autov3 == hashlib.sha256(data[10:]).hexdigest()[:12]
    assert {at // PIECE for at in read}.isdisjoint({at // PIECE for at in taken})
    assert pipeline.cancel()


def test_abandoned_hashes_give_their_memory_back() -> None:
    """Also while they wait for bytes that never come."""
    pipeline, blocks = HashPipeline(lambda offset, buffer: 0, threading.Event(), held=1), BlockPool(PIECE, most=1)
    pipeline._start()
    block = filled(blocks, 5 * PIECE, b"x")
    assert pipeline.offer(block, blocks)
    blocks.release(block)
    assert pipeline.cancel()
    assert blocks.take(0, never) is block
