"""The directory of a zip archive: one entry per member."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from modelhub.formats.zips.end import ArchiveEnd
from modelhub.formats.zips.parts import ALL_ONES, DirectoryEntry, Findings

MAX_MEMBERS = 100_000
UTF8 = 0x800
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_MAX_DIRECTORY = 64 << 20  # bytes
_ZIP64 = 0x0001  # the extra field with sizes of eight bytes


def read_directory(file: BinaryIO, end: ArchiveEnd, findings: Findings) -> list[DirectoryEntry]:
    """Return the entries of the directory; where two readers would find two, those of both."""
    places = {end.offset, end.begins - end.size}
    entries: list[DirectoryEntry] = []
    for place in sorted(places):
        if 0 <= place < end.begins:
            file.seek(place)
            data = file.read(min(end.size, _MAX_DIRECTORY, end.begins - place))
            shift = place - end.offset  # readers that find the directory elsewhere shift all offsets by as much
            entries += _parse_entries(data, place, end, shift, findings)
    return entries


def _parse_entries(
    data: bytes, place: int, end: ArchiveEnd, shift: int, findings: Findings
) -> Iterator[DirectoryEntry]:
    position = 0
    for _ in range(min(end.entries, MAX_MEMBERS)):
        if position + _CENTRAL.size > len(data) or data[position : position + 4] != b"PK\x01\x02":
            findings.add("directory", f"The archive's directory is damaged at byte {place + position}.")
            return
        _, _, _, flags, method, _, _, checksum, stored, size, *lengths, _, _, attributes, offset = _CENTRAL.unpack_from(
            data, position
        )
        name_length, extra_length, comment_length = lengths
        name_at = position + _CENTRAL.size
        raw = data[name_at : name_at + name_length]
        extra = data[name_at + name_length : name_at + name_length + extra_length]
        if ALL_ONES in (size, stored, offset):
            size, stored, offset = large_values(extra, size, stored, offset)
        name = raw.decode("utf-8" if flags & UTF8 else "cp437", "replace")
        yield DirectoryEntry(raw, name, flags, method, checksum, stored, size, offset + shift, attributes)
        position = name_at + name_length + extra_length + comment_length
    if end.entries > MAX_MEMBERS:
        findings.add("directory", f"The archive has {end.entries} members, more than any model.")
    elif position != end.size:
        findings.add("directory", f"The archive's directory at byte {place} is not as long as stated.")


def large_values(extra: bytes, *values: int) -> list[int]:
    """Return the values with those of all ones replaced by the numbers in the zip64 extra field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == _ZIP64:
            numbers = iter(
                struct.unpack_from(f"<{length // 8}Q", extra.ljust(position + 4 + length, b"\0"), position + 4)
            )
            return [next(numbers, value) if value == ALL_ONES else value for value in values]
        position += 4 + length
    return list(values)


def check_names(entries: list[DirectoryEntry], findings: Findings) -> None:
    """Report names that occur twice, lead out of a folder, or mean different things to different readers."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.name
        key = name.lower()
        if key in seen:
            findings.add("twice", f"Member {name!r} is in the archive twice.")
        seen.add(key)
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":"):
            findings.add("path", f"Member {name!r} has a name that leads out of a folder.")
        if not name or "\0" in name:
            findings.add("path", f"Member {name!r} has a name that readers understand in different ways.")
