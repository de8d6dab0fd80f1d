"""Zip archives read defensively: which members there are, and whether every reader sees the same ones.

torch's reader (miniz) and Python's `zipfile` find the directory in different ways, take the first or the last of two
members with one name, and tolerate different damage. Only one form is therefore accepted, see `modelhub.formats.zips`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.formats.zips.directory import check_names, read_directory
from modelhub.formats.zips.end import read_end
from modelhub.formats.zips.members import LOCAL_MAGIC, check_members, scan_local_headers
from modelhub.formats.zips.parts import DEFLATED, Findings, Member

__all__ = [
    "Archive",
    "InflationBudget",
    "Member",
    "MemberStream",
    "is_zip",
    "read_archive",
    "read_content",
]

MAX_INFLATED = 256 << 20  # bytes of all members of one archive together
_PIECE = 1 << 16
_LONGEST_READ = 64 << 20  # bytes that are read for the checksum when they are skipped


@dataclass(slots=True)
class InflationBudget:
    """The bytes that may still be inflated, over all members of one file; `exceeded` once one wanted more."""

    left: int = field(default=MAX_INFLATED)
    exceeded: bool = False


@dataclass(frozen=True, slots=True)
class Archive:
    """All members in the order of the directory, and findings about them as (severity, sentence).

    `truncated`: the end of the file is missing, and the members are those whose local headers are there.
    """

    members: tuple[Member, ...]
    findings: tuple[tuple[str, str], ...]
    truncated: bool = False


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a zip archive."""
    return head[:4] in (LOCAL_MAGIC, b"PK\x05\x06")


def read_archive(file: BinaryIO, size: int) -> Archive:
    """List the members by the directory, or by the local headers alone where the archive ends too early."""
    findings = Findings()
    end = read_end(file, size, findings)
    if end is None:
        text = "The archive has no directory: the file was cut off."
        return Archive(tuple(scan_local_headers(file, size)), (("unrecognised", text),), truncated=True)
    entries = read_directory(file, end, findings)
    members = check_members(file, entries, end, findings)
    check_names(entries, findings)
    return Archive(tuple(members), tuple(findings.texts))


class MemberStream:
    """The content of one member as a stream that only goes forward. Content that cannot be inflated just ends."""

    def __init__(self, file: BinaryIO, member: Member, budget: InflationBudget | None = None) -> None:
        self._file = file
        self._at = member.start
        self._left = member.stored
        self._budget = budget or InflationBudget()
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        self._held = b""
        self.checksum = 0  # CRC-32 of what was read so far
        self.skipped = False  # whether the checksum lacks a part that was too long to read

    def read(self, count: int, /) -> bytes:
        """Return the next bytes, fewer than `count` only at the end."""
        while len(self._held) < count and (piece := self._next(count - len(self._held))):
            self._held = self._held + piece if self._held else piece
        found, self._held = self._held[:count], self._held[count:]
        self.checksum = zlib.crc32(found, self.checksum)
        return found

    def seek(self, offset: int, whence: int = 1, /) -> int:
        """Go forward by `offset` bytes; nothing else is possible."""
        if self._inflater is None and not self._held and offset > _LONGEST_READ:
            self.skipped = True
            step = min(offset, self._left)
            self._at, self._left = self._at + step, self._left - step
            return 0
        while offset > 0 and (piece := self.read(min(offset, _PIECE))):
            offset -= len(piece)
        return 0

    def _next(self, count: int) -> bytes:
        if self._inflater is None:
            return self._stored(count)
        limit = min(max(count, _PIECE), self._budget.left)
        if limit <= 0:
            self._budget.exceeded = True
            return b""
        try:
            while not self._inflater.eof:
                source = self._inflater.unconsumed_tail or self._stored(_PIECE)
                piece = self._inflater.decompress(source, limit)
                self._budget.left -= len(piece)
                if piece or not source:
                    return piece
        except zlib.error:
            self._left = 0
        return b""

    def _stored(self, count: int) -> bytes:
        self._file.seek(self._at)
        piece = self._file.read(min(count, self._left))
        self._at += len(piece)
        self._left = self._left - len(piece) if piece else 0
        return piece


def read_content(file: BinaryIO, member: Member, *, limit: int = MAX_INFLATED) -> bytes:
    """Return at most `limit` bytes of a member, inflated."""
    return MemberStream(file, member, InflationBudget(limit)).read(limit)
