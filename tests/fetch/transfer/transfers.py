"""Shared parts of the tests of transfers."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.download import TransferSettings
from modelhub.progress import Task

PIECE = 64 << 10
QUICK = TransferSettings(
    backoff_seconds=0.01,
    stall_seconds=0.6,
    retries=3,
    request_bytes=PIECE,
    piece_bytes=PIECE,
    connections=4,
    longest_wait=3.0,
)


def content(size: int = 10 * PIECE + 123, seed: int = 1) -> bytes:
    """Return random bytes that begin like a safetensors file."""
    return struct.pack("<Q", 2) + b"{}" + random.Random(seed).randbytes(size - 10)


def sha256(data: bytes) -> str:
    """Return 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def remote(url: str, data: bytes | None = None, *, name: str = "model.safetensors", **more: object) -> RemoteFile:
    """Return a remote file at `url`; with `data` it states size and hash."""
    stated = {"size": len(data), "sha256": sha256(data)} if data is not None else {}
    return RemoteFile(name=name, url=f"{url}/{name}", **{**stated, **more})  # type: ignore[arg-type]


class Watch:
    """A Progress that keeps its notes and its count."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.count = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextmanager
    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        yield self

    def advance(self, amount: int) -> None:
        self.count += amount

    def total(self, amount: int) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


def published(folder: Path) -> list[str]:
    """Return the names of complete files anywhere below `folder`."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".part"
    ]
