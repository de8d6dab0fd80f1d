"""What the tests of transfers share."""

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
    """Bytes that begin as a safetensors file does."""
    return struct.pack("<Q", 2) + b"{}" + random.Random(seed).randbytes(size - 10)


def sha256(data: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def remote(url: str, data: bytes | None = None, *, name: str = "model.safetensors", **more: object) -> RemoteFile:
    """A remote file at `url`; with `data` its size and hash are promised."""
    promised = {"size": len(data), "sha256": sha256(data)} if data is not None else {}
    return RemoteFile(name=name, url=f"{url}/{name}", **{**promised, **more})  # type: ignore[arg-type]


class Watch:
    """A progress that remembers."""

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
    """Names of complete files anywhere below `folder`."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".part"
    ]
