"""A file on its way: `<name>.part` and, beside it, an append-only journal of the pieces that are on the disk.

The journal's first line is JSON: what is being fetched. Each further line is one piece: number, length, CRC32, all in
decimal and hex. A piece's line is written once its bytes are; its CRC32 is checked before a later process trusts it,
so that a line whose bytes were lost with the power does no harm. A torn last line is ignored.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.fetch.transfer.crc_combine import combine_crc32
from modelhub.fetch.transfer.positioned_file import PositionedFile
from modelhub.fetch.transfer.retry import CancelledError
from modelhub.storage import errors
from modelhub.storage.crc import crc32
from modelhub.storage.durable import sync_descriptor

if TYPE_CHECKING:
    from modelhub.fetch.transfer.blocks import Block

_READ = 1 << 20
_RESERVED_AHEAD = 64 << 20  # bytes
_PAST_CACHE_FROM = 64 << 20  # bytes; what is smaller is soon read again, to be identified
_VERSION = 1
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """What a server says of the file: `size` in bytes (None: it does not say), strong `etag`, and its name for it."""

    size: int | None
    etag: str | None
    disposition: str | None = None
    content_type: str | None = None


class PartFile:
    """The part file and its journal, open for one transfer; `close` when done."""

    def __init__(self, path: Path, *, piece_bytes: int, portable: bool | None = None) -> None:
        self.path = path
        self.piece_bytes = piece_bytes
        self.facts: RemoteFacts | None = None
        self.done: dict[int, tuple[int, int]] = {}
        self._journal_path = path.with_name(".journal")
        self._lock = threading.Lock()
        self._closed = False
        self._end = 0  # of what is written
        self._reserved = 0  # bytes of the file whose room on the disk is taken
        try:
            self._file = PositionedFile(os.open(path, _FLAGS, 0o644), portable=portable)
            self._journal = os.open(self._journal_path, _FLAGS | os.O_APPEND, 0o644)
        except OSError as exc:
            raise errors.from_os_error(exc, path, "write") from exc

    def load(self, check: Callable[[], None]) -> int:
        """Trust what the journal says and the disk confirms; how many bytes that is. `check` may raise to stop."""
        lines = _read_all(self._journal).split(b"\n")[:-1]
        try:
            head = json.loads(lines[0])
            if head["version"] != _VERSION or head["piece"] != self.piece_bytes:
                raise ValueError
            self.facts = RemoteFacts(**{key: head[key] for key in ("size", "etag", "disposition", "content_type")})
        except (IndexError, ValueError, KeyError, TypeError):
            self.reset()
            return 0
        for line in lines[1:]:
            self._trust(line)
        self.done = {index: kept for index, kept in sorted(self.done.items()) if self._confirmed(index, *kept, check)}
        if not self.done:
            self.reset()
        return self.held

    def _trust(self, line: bytes) -> None:
        try:
            index, length, crc = line.split(b" ")
            self.done[int(index)] = (int(length), int(crc, 16))
        except ValueError:
            return

    def _confirmed(self, index: int, length: int, crc: int, check: Callable[[], None]) -> bool:
        found, offset, end = 0, index * self.piece_bytes, index * self.piece_bytes + length
        while offset < end:
            check()
            data = self.read_at(offset, min(_READ, end - offset))
            if not data:
                return False
            found = crc32(data, found)
            offset += len(data)
        return found == crc and length == self.length_of(index)

    def length_of(self, index: int) -> int:
        """Bytes of piece `index`; the last one may be short."""
        size = self.facts.size if self.facts else None
        return self.piece_bytes if size is None else min(self.piece_bytes, size - index * self.piece_bytes)

    @property
    def crc32(self) -> int:
        """The CRC32 of all finished pieces in their order: of the file, once all are there."""
        return combine_crc32(self.done[index] for index in sorted(self.done))

    @property
    def held(self) -> int:
        """Bytes in finished pieces."""
        return sum(length for length, _ in self.done.values())

    def begin(self, facts: RemoteFacts) -> None:
        """Note what is being fetched, and make the file as long. Raises DiskFullError or another ModelhubError."""
        self.facts = facts
        head = {"version": _VERSION, "piece": self.piece_bytes, "size": facts.size, "etag": facts.etag}
        head |= {"disposition": facts.disposition, "content_type": facts.content_type}
        with self._guard():
            self._file.resize(facts.size or 0)
            os.ftruncate(self._journal, 0)
            os.write(self._journal, json.dumps(head).encode() + b"\n")

    def reset(self) -> None:
        """Forget everything held."""
        self.done, self.facts, self._end, self._reserved = {}, None, 0, 0
        with self._guard():
            os.ftruncate(self._journal, 0)
            os.ftruncate(self._file.descriptor, 0)

    def write(self, block: Block) -> None:
        """Write a piece; raises DiskFullError or another ModelhubError naming the file.

        One that the hashes read from memory goes past the page cache where the file is large.
        """
        if self._closed:
            raise CancelledError
        with self._guard():
            self._reserve(block.offset, block.offset + block.length)
            if block.hashed_from_here and self._is_large():
                self._file.open_past_cache(self.path)
                self._file.write_past_cache(block.offset, block.data)
            else:
                self._file.write_at(block.offset, block.data)

    def _reserve(self, start: int, end: int) -> None:
        """Keep room taken ahead of pieces that come out of order, which would scatter the file over the disk.

        In growing steps: on a full and fragmented disk all at once takes long.
        """
        in_order, self._end = start == self._end, max(self._end, end)
        size = self.facts.size if self.facts else None
        if in_order or size is None or end <= self._reserved:
            return
        upto = min(size, end + max(_RESERVED_AHEAD, end))
        self._file.reserve(self._reserved, upto - self._reserved)
        self._reserved = upto

    def _is_large(self) -> bool:
        return self.facts is not None and (self.facts.size or 0) >= _PAST_CACHE_FROM

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`."""
        try:
            return self._file.read_at(offset, count)
        except OSError as exc:
            raise errors.from_os_error(exc, self.path, "read") from exc

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from byte `offset` on; how many bytes that gave."""
        try:
            return self._file.read_into(offset, buffer)
        except OSError as exc:
            raise errors.from_os_error(exc, self.path, "read") from exc

    def finished(self, index: int, length: int, crc: int) -> None:
        """Journal a piece whose bytes have been written."""
        with self._guard(), self._lock:
            self.done[index] = (length, crc)
            os.write(self._journal, f"{index} {length} {crc:08x}\n".encode())

    def cut(self, size: int) -> None:
        """The file ends at `size`, as was only known at its end."""
        with self._guard():
            os.ftruncate(self._file.descriptor, size)

    def sync(self) -> None:
        """Write bytes and journal through to the disk.

        The order does not count, for each line's CRC32 is checked before it is trusted; on journaling file systems
        the first call, which has to record the journal's new length, does most of the second one's work.
        """
        with self._guard():
            sync_descriptor(self._journal)
            self._file.flush()

    def allocated(self) -> int:
        """Bytes of the disk that the part file takes already."""
        status = os.fstat(self._file.descriptor)
        return int(getattr(status, "st_blocks", 0)) * 512 or min(status.st_size, self.held)

    def close(self) -> None:
        """Close both files; what is held stays."""
        self._closed = True
        self._file.close()
        os.close(self._journal)

    def remove(self) -> None:
        """Remove both files, after `close`."""
        self.path.unlink(missing_ok=True)
        self.remove_journal()

    def remove_journal(self) -> None:
        """Remove the journal alone: the part file is complete."""
        self._journal_path.unlink(missing_ok=True)

    def _guard(self) -> _os_errors:
        return _os_errors(self.path)


class _os_errors:  # noqa: N801 - reads as the statement that it is
    """Says an OSError of the block as one of ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise errors.from_os_error(error, self._path, "write") from error


def _read_all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    found = []
    while data := os.read(descriptor, _READ):
        found.append(data)
    return b"".join(found)
