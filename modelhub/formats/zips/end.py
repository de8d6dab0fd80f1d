"""The end of a zip archive: end record, zip64 record and its locator, which must all describe the same directory."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from modelhub.formats.zips.parts import ALL_ONES, Findings

END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_RECORD = struct.Struct("<4sQ2H2I4Q")
_MAGIC = b"PK\x05\x06"
TAIL = (1 << 16) + (1 << 13)  # bytes; readers search for the end record in the last 64 KiB and its own length


@dataclass(frozen=True, slots=True)
class ArchiveEnd:
    """The facts that the end of an archive states. `begins`: the offset of its first byte, zip64 record included."""

    begins: int
    entries: int
    size: int
    offset: int


def ends_as_archive(tail: bytes) -> bool:
    """Return whether a file with these last bytes is an archive for readers that search its end, such as `zipfile`."""
    if _MAGIC not in tail:  # a search forward is twice as quick, and nearly every file ends here
        return False
    found = tail.rfind(_MAGIC)
    return len(tail) - found >= END.size


def read_end(file: BinaryIO, size: int, findings: Findings) -> ArchiveEnd | None:
    """Return what the end of an archive of `size` bytes states, None when it is missing."""
    start = max(0, size - TAIL)
    file.seek(start)
    tail = file.read(TAIL)
    place = tail.rfind(_MAGIC)
    if place < 0 or len(tail) - place < END.size:
        return None
    _, disk, first_disk, here, entries, length, offset, comment = END.unpack_from(tail, place)
    at = start + place
    if disk or first_disk or here != entries:
        findings.add("end", f"The archive's end record at byte {at} describes several disks.")
    if at + END.size + comment != size:
        text = f"{size - at - END.size} bytes follow the archive's end record at byte {at}, which states {comment}."
        findings.add("end", text)
    stated = ArchiveEnd(at, entries, length, offset)
    found = _read_zip64(file, at, stated, findings)
    if found.offset + found.size != found.begins:
        text = (
            f"The archive's directory ends at byte {found.offset + found.size}, its end part begins at {found.begins}:"
        )
        findings.add("end", f"{text} readers find different directories.")
    return found


def _read_zip64(file: BinaryIO, at: int, stated: ArchiveEnd, findings: Findings) -> ArchiveEnd:
    """Return what the zip64 record in front of the end record states, checked against it; `stated` without one."""
    if at < _LOCATOR.size + _RECORD.size:
        return stated
    file.seek(at - _LOCATOR.size - _RECORD.size)
    data = file.read(_LOCATOR.size + _RECORD.size)
    magic, disk, place, disks = _LOCATOR.unpack_from(data, _RECORD.size)
    if magic != b"PK\x06\x07":
        return stated
    begins = at - _LOCATOR.size - _RECORD.size
    record = _RECORD.unpack_from(data)
    sound = (
        record[0] == b"PK\x06\x06"
        and record[1] == _RECORD.size - 12
        and place == begins
        and not (disk or record[4] or record[5])
        and disks <= 1
    )
    if not sound:
        findings.add("end", f"The archive's zip64 locator at byte {at - _LOCATOR.size} does not lead to its record.")
        return stated
    _, _, _, _, _, _, here, entries, length, offset = record
    for old, new, unset in (
        (stated.entries, entries, 0xFFFF),
        (stated.size, length, ALL_ONES),
        (stated.offset, offset, ALL_ONES),
    ):
        if here != entries or old not in (new, unset):
            findings.add("end", f"The archive's end record at byte {at} and its zip64 record differ.")
            break
    return ArchiveEnd(begins, entries, length, offset)
