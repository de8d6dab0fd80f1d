"""The members of a zip archive: their local headers and data descriptors, compared with the directory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from modelhub.formats.zips.directory import MAX_MEMBERS, UTF8, large_values
from modelhub.formats.zips.end import ArchiveEnd
from modelhub.formats.zips.parts import ALL_ONES, DEFLATED, STORED, DirectoryEntry, Findings, Member

LOCAL_MAGIC = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3I2H")
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
_LINK = 0o120000  # the file type of a symbolic link, in the upper half of the external attributes
_SEARCHED = 16 << 20  # bytes that are searched for the next member of a damaged archive


def check_members(file: BinaryIO, entries: list[DirectoryEntry], end: ArchiveEnd, findings: Findings) -> list[Member]:
    """Return the members, checked: one behind the other from byte 0 to the directory, as their own headers state."""
    if len(entries) >= MAX_MEMBERS:
        return []
    order = sorted(range(len(entries)), key=lambda index: entries[index].offset)
    made: dict[int, Member] = {}
    expected = 0
    for index in order:
        entry = entries[index]
        if entry.offset != expected:
            between, where = entry.offset - expected, f"Member {entry.name!r} at byte {entry.offset}"
            text = (
                f"{where}: {between} bytes belong to no member."
                if between > 0
                else f"{where}: another member overlaps it."
            )
            findings.add("gap", text)
        member = _check_member(file, entry, findings) if 0 <= entry.offset < end.begins else None
        if member is None:
            findings.add(
                "start", f"Member {entry.name!r} does not begin at byte {entry.offset}, as the directory states."
            )
            continue
        expected = member.start + member.stored
        if entry.flags & _DESCRIPTOR and expected <= end.begins:
            expected += _check_descriptor(file, expected, entry, findings)
        if expected > end.begins:
            findings.add("cut", f"Member {entry.name!r} reaches into the archive's directory.")
            member = replace(member, stored=max(0, min(member.stored, end.begins - member.start)))
        made[index] = member
    if entries and expected != end.offset:
        findings.add("gap", f"The members end at byte {expected}, the archive's directory begins at {end.offset}.")
    return [made[index] for index in sorted(made)]


def _check_member(file: BinaryIO, entry: DirectoryEntry, findings: Findings) -> Member | None:
    file.seek(entry.offset)
    head = file.read(_LOCAL.size + 512)  # header, name and extra field of nearly every member
    if len(head) < _LOCAL.size or head[:4] != LOCAL_MAGIC:
        return None
    _, _, flags, method, _, _, checksum, stored, size, name_length, extra_length = _LOCAL.unpack_from(head)
    length = _LOCAL.size + name_length + extra_length
    if length > len(head):
        file.seek(entry.offset)
        head = file.read(length)
    raw = head[_LOCAL.size : _LOCAL.size + name_length]
    where = f"Member {entry.name!r} at byte {entry.offset}"
    if raw != entry.raw_name:
        findings.add("name", f"{where} is named {raw.decode('utf-8', 'replace')!r} in its own header.")
    if (flags ^ entry.flags) & (_ENCRYPTED | _DESCRIPTOR | UTF8) or method != entry.method:
        findings.add("method", f"{where} is stored in two ways, by its own header and by the directory.")
    if ALL_ONES in (size, stored):
        size, stored = large_values(head[_LOCAL.size + name_length : length], size, stored)
    stated = ((checksum, entry.checksum), (stored, entry.stored), (size, entry.size))
    left_open = (0, ALL_ONES) if flags & _DESCRIPTOR else ()  # until the descriptor behind the data
    if any(own not in (listed, *left_open) for own, listed in stated):
        findings.add("size", f"{where} states another size or checksum in its own header than the directory does.")
    encrypted = bool((flags | entry.flags) & _ENCRYPTED)
    if entry.method == STORED and entry.stored != entry.size and not encrypted:
        findings.add("size", f"{where} is not compressed, but has two sizes.")
    if entry.method not in (STORED, DEFLATED):
        findings.add("method", f"{where} is compressed in a way that cannot be looked into (method {entry.method}).")
    if encrypted:
        findings.add("encrypted", f"{where} is encrypted, so it cannot be looked into.")
    link = (entry.attributes >> 16) & 0o170000 == _LINK
    return Member(
        entry.name, entry.offset + length, entry.stored, entry.size, entry.method, encrypted, entry.checksum, link
    )


def _check_descriptor(file: BinaryIO, at: int, entry: DirectoryEntry, findings: Findings) -> int:
    """Return the length of the data descriptor at byte `at`, which repeats checksum and sizes in one of four forms."""
    file.seek(at)
    data = file.read(24)
    for magic in (b"PK\x07\x08", b""):
        for form in ("<IQQ", "<III"):
            try:
                expected = magic + struct.pack(form, entry.checksum, entry.stored, entry.size)
            except struct.error:
                continue
            if data.startswith(expected):
                return len(expected)
    findings.add("descriptor", f"Member {entry.name!r}: its data descriptor at byte {at} differs from the directory.")
    return 0


def scan_local_headers(file: BinaryIO, size: int) -> Iterator[Member]:
    """Yield members found by their local headers, one behind the other."""
    position = 0
    for _ in range(MAX_MEMBERS):
        file.seek(position)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != LOCAL_MAGIC:
            return
        _, _, flags, method, _, _, checksum, stored, inflated, name_length, extra_length = _LOCAL.unpack(head)
        name = file.read(name_length).decode("utf-8", "replace")
        start = position + _LOCAL.size + name_length + extra_length
        start, room = min(start, size), max(0, size - start)
        unknown = flags & _DESCRIPTOR or stored == ALL_ONES
        position = _find_next(file, start, size) if unknown else start + min(stored, room)
        yield Member(name, start, position - start, inflated, method, bool(flags & _ENCRYPTED), checksum)


def _find_next(file: BinaryIO, start: int, size: int) -> int:
    """Return where the next local header is, the end of the file without one."""
    file.seek(start)
    found = file.read(_SEARCHED).find(LOCAL_MAGIC)
    return start + found if found >= 0 else size
