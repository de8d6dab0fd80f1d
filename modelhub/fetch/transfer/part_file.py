"""A file that is being downloaded: `<name>.part`, and an append-only journal of its pieces on the disk.

The journal's first line is JSON: the facts of the download. Each further line is one piece: its number and length in
decimal, its CRC32 in hex. A line is written after the bytes of its piece; a later process checks the CRC32 before it
trusts a line, so that bytes lost in a power cut do no harm. A torn last line is ignored.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modelhub.fetch.http.retry import CancelledError
from modelhub.fetch.transfer.crc_combine import combine_crc32
from modelhub.fetch.transfer.own_files import open_own
from modelhub.fetch.transfer.positioned_file import PositionedFile
from modelhub.storage import errors
from modelhub.storage.crc import crc32
from modelhub.storage.durable import sync_descriptor

if TYPE_CHECKING:
    from modelhub.fetch.transfer.blocks import Block

_READ = 1 << 20
_RESERVED_AHEAD = 64 << 20  # bytes
_DIRECT_FROM = 64 << 20  # bytes; smaller files are soon read again, to be identified
_VERSION = 1
_PIECE = re.compile(rb"([0-9]{1,12}) ([0-9]{1,12}) ([0-9a-f]{8})")
_STRONG_ETAG = re.compile(r'"[^"\x00-\x20\x7f-\x9f]{0,1000}"')
_MOST_JOURNAL = 64 << 20  # bytes; enough for the pieces of a file of 4 TB
_MOST_SIZE = 1 << 60  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """Facts that a server states about a file: `size` in bytes (None: unstated), strong `etag`, and its headers.

    `is_size_proven` is False where the size is only the number of bytes that came before the connection was closed,
    so that the file may have been cut short.
    """

    size: int | None
    etag: str | None
    disposition: str | None = None
    content_type: str | None = None
    is_size_proven: bool = True


class _Head(msgspec.Struct):
    """The first line of a journal."""

    version: int
    piece: int
    size: int | None
    etag: str | None
    disposition: str | None
    content_type: str | None


class PartFile:
    """A part file and its journal, open for one transfer; `close` it afterwards.

    `done` has length and CRC32 of each finished piece. `portable` forces the calls that every system has.
    """

    def __init__(self, path: Path, *, piece_bytes: int, portable: bool | None = None) -> None:
        self.path = path
        self.piece_bytes = piece_bytes
        self.facts: RemoteFacts | None = None
        self.done: dict[int, tuple[int, int]] = {}
        self._journal_path = path.with_name(".journal")
        self._lock = threading.Lock()
        self._closed = False
        self._end = 0  # of the piece that reaches furthest
        self._reserved = 0  # bytes of the file that have space on the disk
        self._file = PositionedFile(open_own(path, os.O_RDWR), portable=portable)
        try:
            self._journal = open_own(self._journal_path, os.O_RDWR | os.O_APPEND)
        except BaseException:
            self._file.close()
            raise

    def load(self, check_cancelled: Callable[[], None]) -> int:
        """Load the pieces that the journal lists and the disk confirms; return their bytes.

        Nothing in the journal is trusted. Raise what `check_cancelled` raises, or a ModelhubError.
        """
        head, *lines = _read_journal(self._journal)
        self.facts = self._read_facts(head)
        if self.facts is None:
            self.reset()
            return 0
        for line in lines:
            self._load_line(line)
        self.done = {
            index: piece
            for index, piece in sorted(self.done.items())
            if self._is_on_disk(index, *piece, check_cancelled)
        }
        if not self.done:
            self.reset()
        return self.done_bytes

    def _read_facts(self, line: bytes) -> RemoteFacts | None:
        """Return the facts in the first line, None where they are not those of this part file."""
        try:
            head = msgspec.json.decode(line, type=_Head)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        is_whole = head.size is not None and 0 < head.size < _MOST_SIZE and self._file.size() == head.size
        is_tag = head.etag is None or _STRONG_ETAG.fullmatch(head.etag) is not None
        if head.version != _VERSION or head.piece != self.piece_bytes or not is_whole or not is_tag:
            return None
        return RemoteFacts(size=head.size, etag=head.etag, disposition=head.disposition, content_type=head.content_type)

    def _load_line(self, line: bytes) -> None:
        found = _PIECE.fullmatch(line)
        if found is None:
            return
        index, length = int(found[1]), int(found[2])
        if length == self.length_of(index) > 0:
            self.done[index] = (length, int(found[3], 16))

    def _is_on_disk(self, index: int, length: int, crc: int, check_cancelled: Callable[[], None]) -> bool:
        found, offset, end = 0, index * self.piece_bytes, index * self.piece_bytes + length
        while offset < end:
            check_cancelled()
            data = self.read_at(offset, min(_READ, end - offset))
            if not data:
                return False
            found = crc32(data, found)
            offset += len(data)
        return found == crc

    def length_of(self, index: int) -> int:
        """Return the bytes of piece `index`; the last one may be short."""
        size = self.facts.size if self.facts else None
        return self.piece_bytes if size is None else min(self.piece_bytes, size - index * self.piece_bytes)

    @property
    def crc32(self) -> int:
        """The CRC32 of all finished pieces in order: that of the file once all are finished."""
        return combine_crc32(self.done[index] for index in sorted(self.done))

    @property
    def done_bytes(self) -> int:
        """The bytes in finished pieces."""
        return sum(length for length, _ in self.done.values())

    def begin(self, facts: RemoteFacts) -> None:
        """Journal the facts of the download and set the file's length. Raise DiskFullError or a ModelhubError."""
        self.facts = facts
        head = {"version": _VERSION, "piece": self.piece_bytes, "size": facts.size, "etag": facts.etag}
        head |= {"disposition": facts.disposition, "content_type": facts.content_type}
        with self._write_errors():
            self._file.resize(facts.size or 0)
            os.ftruncate(self._journal, 0)
            os.write(self._journal, json.dumps(head).encode() + b"\n")

    def reset(self) -> None:
        """Discard all pieces and facts."""
        self.done, self.facts, self._end, self._reserved = {}, None, 0, 0
        with self._write_errors():
            os.ftruncate(self._journal, 0)
            os.ftruncate(self._file.descriptor, 0)

    def write(self, block: Block) -> None:
        """Write a piece. Raise DiskFullError or another ModelhubError that names the file, CancelledError once closed.

        In a large file, a piece that the hashers read from memory bypasses the page cache.
        """
        if self._closed:
            raise CancelledError
        with self._write_errors():
            self._reserve(block.offset, block.offset + block.length)
            if block.hashed_from_memory and self._is_large():
                self._file.open_direct(self.path)
                self._file.write_direct(block.offset, block.data)
            else:
                self._file.write_at(block.offset, block.data)

    def _reserve(self, start: int, end: int) -> None:
        """Reserve space ahead of pieces out of order, which would otherwise scatter the file over the disk.

        In growing steps: on a full and fragmented disk, reserving everything at once takes long.
        """
        in_order, self._end = start == self._end, max(self._end, end)
        size = self.facts.size if self.facts else None
        if in_order or size is None or end <= self._reserved:
            return
        upto = min(size, end + max(_RESERVED_AHEAD, end))
        self._file.reserve(self._reserved, upto - self._reserved)
        self._reserved = upto

    def _is_large(self) -> bool:
        return self.facts is not None and (self.facts.size or 0) >= _DIRECT_FROM

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`."""
        try:
            return self._file.read_at(offset, count)
        except OSError as exc:
            raise errors.from_os_error(exc, self.path, "read") from exc

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from byte `offset` on; return the number of bytes."""
        try:
            return self._file.read_into(offset, buffer)
        except OSError as exc:
            raise errors.from_os_error(exc, self.path, "read") from exc

    def record_piece(self, index: int, length: int, crc: int) -> None:
        """Journal a piece whose bytes are written."""
        with self._write_errors(), self._lock:
            self.done[index] = (length, crc)
            os.write(self._journal, f"{index} {length} {crc:08x}\n".encode())

    def truncate(self, size: int) -> None:
        """End the file at `size`, for a server that did not state the size."""
        with self._write_errors():
            os.ftruncate(self._file.descriptor, size)

    def sync(self) -> None:
        """Flush bytes and journal to the disk.

        The order does not matter, because each line's CRC32 is checked before it is trusted; on journaling file systems
        the first call, which must record the journal's new length, does most of the work of the second.
        """
        with self._write_errors():
            sync_descriptor(self._journal)
            self._file.flush()

    def allocated(self) -> int:
        """Return the bytes of the disk that the part file occupies."""
        status = os.fstat(self._file.descriptor)
        return int(getattr(status, "st_blocks", 0)) * 512 or min(status.st_size, self.done_bytes)

    def close(self) -> None:
        """Close both files and keep them."""
        self._closed = True
        self._file.close()
        os.close(self._journal)

    def remove(self) -> None:
        """Remove both files; call `close` first."""
        self.path.unlink(missing_ok=True)
        self.remove_journal()

    def remove_journal(self) -> None:
        """Remove the journal of a complete file."""
        self._journal_path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        """Raise an OSError of the block as a ModelhubError."""
        try:
            yield
        except OSError as exc:
            raise errors.from_os_error(exc, self.path, "write") from exc


def _read_journal(descriptor: int) -> list[bytes]:
    """Return the complete lines, at least one; one that is empty for a journal that is none."""
    if os.fstat(descriptor).st_size > _MOST_JOURNAL:
        return [b""]
    os.lseek(descriptor, 0, os.SEEK_SET)
    found = []
    while data := os.read(descriptor, _READ):
        found.append(data)
    return b"".join(found).split(b"\n")[:-1] or [b""]
