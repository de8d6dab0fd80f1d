"""Writing through to the disk beside a transfer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.blocks import Block
from modelhub.fetch.transfer.disk_flusher import DiskFlusher
from modelhub.fetch.transfer.download import TransferSettings, download
from modelhub.fetch.transfer.part_file import PartFile
from modelhub.fetch.transfer.retry import CancelledError
from modelhub.testing.hubs.faulty import serving
from tests.fetch.transfer.transfers import sha256


def test_writers_wait_until_the_disk_has_caught_up() -> None:
    """Who is too far ahead goes on only after a write-through."""
    go, synced = threading.Event(), threading.Event()

    def sync() -> None:
        go.wait(5)
        synced.set()

    flusher = DiskFlusher(sync)
    flusher.wrote(10)
    threading.Timer(0.05, go.set).start()
    flusher.wait(5, lambda: None)
    assert synced.is_set()
    assert flusher.close()


def test_who_is_called_off_does_not_wait_for_the_disk() -> None:
    """The stop sign counts more than a slow disk."""
    go = threading.Event()

    def sync() -> None:
        go.wait(5)

    flusher = DiskFlusher(sync)
    flusher.wrote(10)

    def stop() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        flusher.wait(5, stop)
    go.set()
    assert flusher.close()


def test_a_failing_disk_reaches_the_writers() -> None:
    """A delayed write may fail long after the write itself went well."""

    def fail() -> None:
        raise ModelhubError("the disk is full", "Free some space.")

    flusher = DiskFlusher(fail)
    flusher.wrote(10)
    with pytest.raises(ModelhubError, match="disk is full"):
        flusher.wait(0, lambda: None)
    assert flusher.close()


def test_little_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk has nothing yet, no more than 8 MiB per connection are written: so much the power can take."""
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
