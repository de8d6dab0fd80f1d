"""Blocks in memory, the disk writer, direct I/O and hashing from memory."""

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
from modelhub.fetch.http.retry import CancelledError
from modelhub.fetch.transfer import part_file, positioned_file
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.disk_writer import DiskWriter
from modelhub.fetch.transfer.download import download
from modelhub.fetch.transfer.hash_pipeline import HashPipeline
from modelhub.fetch.transfer.positioned_file import PositionedFile
from modelhub.testing.hubs.faulty import serving
from tests.fetch.transfer.transfers import PIECE, QUICK, content, sha256

HELD = 12


def never() -> None:
    """Do nothing: the transfer is not cancelled."""


def cancel() -> None:
    """Raise as a cancelled transfer does."""
    raise CancelledError


def filled(blocks: BlockPool, offset: int, data: bytes) -> Block:
    """Return a block that holds `data`."""
    block = blocks.acquire(offset, never)
    block.memory[: len(data)] = data
    block.length = len(data)
    return block


def test_blocks_are_reused_once_nothing_reads_them() -> None:
    """The second of two users frees the block."""
    blocks = BlockPool(PIECE, limit=1)
    block = blocks.acquire(0, never)
    blocks.retain(block)
    blocks.release(block)
    with pytest.raises(CancelledError):
        blocks.acquire(1, cancel)
    blocks.release(block)
    assert blocks.acquire(7, never) is block
    assert (block.offset, block.length, block.crc) == (7, 0, 0)


def test_a_waiting_connection_gets_the_next_free_block() -> None:
    """It waits in another thread."""
    blocks = BlockPool(PIECE, limit=1)
    block = blocks.acquire(0, never)
    got: list[Block] = []
    thread = threading.Thread(target=lambda: got.append(blocks.acquire(1, never)))
    thread.start()
    blocks.release(block)
    thread.join(5)
    assert got == [block]


def test_the_writer_keeps_the_order_and_releases_written_blocks() -> None:
    """Closing writes what is queued."""
    blocks, written, freed = BlockPool(PIECE, limit=9), [], []
    writer = DiskWriter(lambda block: written.append(block.offset), lambda block: freed.append(block.offset))
    for number in range(9):
        writer.put(filled(blocks, number, b"x"))
    assert writer.close()
    assert written == freed == list(range(9))
    assert writer.error is None


def test_a_failed_write_is_raised_to_the_connections_and_ends_the_writing() -> None:
    """Nothing is written after it, and the memory is free again."""
    blocks, tried, freed = BlockPool(PIECE, limit=9), [], []

    def fail(block: Block) -> None:
        tried.append(block.offset)
        raise ModelhubError("The disk is full.", "Free some space.")

    writer = DiskWriter(fail, lambda block: freed.append(block.offset))
    writer.put(filled(blocks, 0, b"x"))
    with pytest.raises(ModelhubError, match="disk is full"):
        writer.wait(-1, never)
    with pytest.raises(ModelhubError, match="disk is full"):
        writer.put(filled(blocks, 1, b"x"))
    assert writer.close()
    assert (tried, freed) == ([0], [0])
    assert isinstance(writer.error, ModelhubError)


def test_a_cancelled_connection_does_not_wait_for_the_writer() -> None:
    """The cancellation flag ends the wait for a slow disk."""
    blocks, go = BlockPool(PIECE, limit=2), threading.Event()
    writer = DiskWriter(lambda block: go.wait(5) and None, blocks.release)
    writer.put(filled(blocks, 0, b"x"))
    with pytest.raises(CancelledError):
        writer.wait(0, cancel)
    go.set()
    assert writer.close()


@pytest.fixture
def direct_file(tmp_path: Path) -> Path:
    """A file that allows direct I/O; the test is skipped where none does."""
    path = tmp_path / "file"
    flag = getattr(os, "O_DIRECT", 0)
    if not flag:
        pytest.skip("this system has no direct I/O")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | flag))
    except OSError:
        pytest.skip(f"the file system of {tmp_path} has no direct I/O")
    return path


def opened(path: Path, *, portable: bool = False) -> PositionedFile:
    """Open the file under test."""
    return PositionedFile(os.open(path, os.O_RDWR | os.O_CREAT), portable=portable)


@pytest.mark.parametrize("size", [4096, 8192 + 5, 17, PIECE])
def test_direct_io_writes_the_same_bytes(direct_file: Path, size: int) -> None:
    """Whole blocks bypass the page cache, an odd end does not."""
    data = random.Random(size).randbytes(size)
    block = filled(BlockPool(PIECE, limit=1), 0, data)
    file = opened(direct_file)
    file.open_direct(direct_file)
    file.write_direct(0, block.data)
    file.write_direct(PIECE, block.data)
    assert file.read_at(0, size) == data
    assert file.read_at(PIECE, size) == data
    file.close()
    assert direct_file.stat().st_size == PIECE + size


def test_a_file_system_without_direct_io_is_written_normally(
    direct_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After EINVAL at the first write, all writes go through the page cache and nothing is lost."""
    real, refused = os.pwrite, []
    file = opened(direct_file)
    file.open_direct(direct_file)

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        if descriptor != file.descriptor:
            refused.append(offset)
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, data, offset)

    monkeypatch.setattr(positioned_file.os, "pwrite", pwrite)
    block = filled(BlockPool(PIECE, limit=1), 0, b"abc" * 5000)
    file.write_direct(0, block.data)
    file.write_direct(PIECE, block.data)
    assert refused == [0]
    assert file.read_at(PIECE, 15000) == file.read_at(0, 15000) == b"abc" * 5000
    file.close()


def test_a_full_disk_is_reported_from_direct_io(direct_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only errors that mean "not supported" lead to normal writes."""
    file = opened(direct_file)
    file.open_direct(direct_file)

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(positioned_file.os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space"):
        file.write_direct(0, filled(BlockPool(PIECE, limit=1), 0, bytes(PIECE)).data)
    file.close()


def test_the_portable_file_writes_normally(tmp_path: Path) -> None:
    """The same calls work on Windows, without direct I/O."""
    file = opened(tmp_path / "file", portable=True)
    file.open_direct(tmp_path / "file")
    file.write_direct(0, memoryview(b"x" * PIECE))
    assert file.read_at(0, 2 * PIECE) == b"x" * PIECE
    file.close()


@pytest.mark.parametrize("portable", [False, True])
def test_a_large_file_arrives_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portable: bool) -> None:
    """A small file takes the path of large ones: both hashes, several connections, an odd end."""
    monkeypatch.setattr(part_file, "_DIRECT_FROM", 0)
    monkeypatch.setattr("modelhub.fetch.transfer.hash_pipeline._THREADS_FROM", 1)
    if portable:
        monkeypatch.setattr(part_file, "PositionedFile", lambda fd, portable: PositionedFile(fd, portable=True))
    data = content(size=90 * PIECE + 77)
    with serving(data) as server:
        remote = RemoteFile(name="m.safetensors", url=f"{server.url}/m.safetensors", sha256=sha256(data))
        got = download(remote, tmp_path, settings=QUICK)
    assert got.path.read_bytes() == data
    assert got.hashes.autov3 == hashlib.sha256(data[10:]).hexdigest()[:12]


def test_hashes_use_blocks_in_memory_and_read_the_rest_from_the_file(tmp_path: Path) -> None:
    """Every byte is hashed once and in order, with blocks out of order, refused ones and ones that are only on disk."""
    data = content(size=(3 * HELD) * PIECE + 5)
    path = tmp_path / "file"
    path.write_bytes(data)
    read: list[int] = []

    def read_into(offset: int, buffer: memoryview) -> int:
        part = data[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        read.append(offset)
        return len(part)

    pipeline = HashPipeline(read_into, threading.Event(), most_blocks=HELD)
    blocks = BlockPool(PIECE, limit=4 * HELD)
    offsets = list(range(0, len(data), PIECE))
    early = filled(blocks, 0, data[:PIECE])
    assert not pipeline.offer(early, blocks)  # too little is written for threads
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


def test_cancelled_hashes_release_their_memory() -> None:
    """They do so while they wait for bytes that never come."""
    pipeline, blocks = (
        HashPipeline(lambda offset, buffer: 0, threading.Event(), most_blocks=1),
        BlockPool(PIECE, limit=1),
    )
    pipeline._start()
    block = filled(blocks, 5 * PIECE, b"x")
    assert pipeline.offer(block, blocks)
    blocks.release(block)
    assert pipeline.cancel()
    assert blocks.acquire(0, never) is block
