"""Flushing to the disk during a transfer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.http.retry import CancelledError
from modelhub.fetch.transfer.blocks import Block
from modelhub.fetch.transfer.disk_flusher import DiskFlusher
from modelhub.fetch.transfer.download import TransferSettings, download
from modelhub.fetch.transfer.part_file import PartFile
from modelhub.testing.hubs.faulty import serving
from tests.fetch.transfer.transfers import sha256


def test_writers_wait_until_the_disk_has_caught_up() -> None:
    """A writer that is too far ahead continues after a flush."""
    go, flushed = threading.Event(), threading.Event()

    def flush() -> None:
        go.wait(5)
        flushed.set()

    flusher = DiskFlusher(flush)
    flusher.written(10)
    threading.Timer(0.05, go.set).start()
    flusher.wait(5, lambda: None)
    assert flushed.is_set()
    assert flusher.close()


def test_a_cancelled_writer_does_not_wait_for_the_disk() -> None:
    """The cancellation flag ends the wait for a slow disk."""
    go = threading.Event()

    def flush() -> None:
        go.wait(5)

    flusher = DiskFlusher(flush)
    flusher.written(10)

    def cancel() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        flusher.wait(5, cancel)
    go.set()
    assert flusher.close()


def test_a_failing_disk_reaches_the_writers() -> None:
    """A flush may fail long after the write itself succeeded."""

    def fail() -> None:
        raise ModelhubError("The disk is full.", "Free some space.")

    flusher = DiskFlusher(fail)
    flusher.written(10)
    with pytest.raises(ModelhubError, match="disk is full"):
        flusher.wait(0, lambda: None)
    assert flusher.close()


def test_a_slow_disk_limits_what_is_written_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first flush at most 8 MiB per connection are written, which bounds the loss in a power cut."""
    disk, real = threading.Event(), PartFile.sync
    written: list[int] = []

    def sync(self: PartFile) -> None:
        disk.wait(20)
        real(self)

    def write(self: PartFile, block: Block) -> None:
        written.append(block.length)
        real_write(self, block)

    real_write = PartFile.write
    monkeypatch.setattr(PartFile, "sync", sync)
    monkeypatch.setattr(PartFile, "write", write)
    data = bytes(80 << 20)
    with serving(data) as server:
        thread = threading.Thread(
            target=download,
            args=(RemoteFile(name="zeros.bin", url=f"{server.url}/zeros.bin", sha256=sha256(data)), tmp_path),
            kwargs={"settings": TransferSettings(connections=4)},
        )
        thread.start()
        before = -1
        while not written or before != sum(written):
            before = sum(written)
            time.sleep(0.3)
        try:
            assert 0 < before <= 4 * (8 << 20)
        finally:
            disk.set()
            thread.join(20)
    assert sum(written) == len(data)
