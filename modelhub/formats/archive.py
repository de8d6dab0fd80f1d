"""Zip archives read defensively: every member is reached, whatever its flags, checksum or names claim."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LOCAL_MAGIC = b"PK\x03\x04"
MAX_MEMBERS = 200_000
MAX_INFLATED = 256 << 20  # bytes of one member
_LOCAL = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, where its data begins in the file, its stored and inflated sizes in bytes, its method."""

    name: str
    start: int
    stored: int
    size: int
    method: int
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Archive:
    """All members in the order of the directory, and findings about them as (severity, sentence)."""

    members: tuple[Member, ...]
    findings: tuple[tuple[str, str], ...]


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a zip archive."""
    return head[:4] in (LOCAL_MAGIC, b"PK\x05\x06")


def read_archive(file: BinaryIO, size: int) -> Archive:
    """List the members by the central directory, or by the local headers alone where that is damaged."""
    try:
        infos = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, struct.error, EOFError) as exc:
        members = tuple(_scan_local_headers(file, size))
        return Archive(members, (("suspicious", f"The archive's directory is damaged ({exc})."),))
    findings: list[tuple[str, str]] = []
    if len(infos) > MAX_MEMBERS:
        findings.append(("suspicious", f"The archive has {len(infos)} members, more than any model."))
        infos = infos[:MAX_MEMBERS]
    found: list[Member] = []
    for info in infos:
        member, odd = _check_member(file, size, info)
        findings += odd
        if member is not None:
            found.append(member)
    twice = [name for name, count in Counter(info.filename for info in infos).items() if count > 1]
    findings += [("suspicious", f"Member {name!r} is in the archive twice.") for name in twice[:8]]
    return Archive(tuple(found), tuple(findings))


def _check_member(file: BinaryIO, size: int, info: zipfile.ZipInfo) -> tuple[Member | None, list[tuple[str, str]]]:
    file.seek(max(0, min(info.header_offset, size)))
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != LOCAL_MAGIC:
        return None, [("suspicious", f"Member {info.filename!r} does not begin where the directory states.")]
    _, _, flags, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(head)
    local_name = file.read(name_length)
    odd = []
    if not _same_name(local_name, info):
        text = f"Member {info.filename!r} is named {local_name.decode('utf-8', 'replace')!r} in its own header."
        odd.append(("suspicious", text))
    encrypted = bool((flags | info.flag_bits) & _ENCRYPTED)
    if encrypted:
        odd.append(("suspicious", f"Member {info.filename!r} is marked as encrypted."))
    if method != info.compress_type:
        odd.append(("suspicious", f"Member {info.filename!r} states two compression methods."))
    start = info.header_offset + _LOCAL.size + name_length + extra_length
    if start + info.compress_size > size:
        odd.append(("suspicious", f"Member {info.filename!r} is cut off by the end of the file."))
    return Member(info.filename, start, info.compress_size, info.file_size, method, encrypted), odd


def _same_name(local: bytes, info: zipfile.ZipInfo) -> bool:
    names = {info.filename, info.orig_filename}
    return any(local in (name.encode("utf-8", "replace"), name.encode("cp437", "replace")) for name in names)


def _scan_local_headers(file: BinaryIO, size: int) -> Iterator[Member]:
    """Yield members found by their local headers, one behind the other."""
    position = 0
    for _ in range(MAX_MEMBERS):
        file.seek(position)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != LOCAL_MAGIC:
            return
        _, _, flags, method, _, _, _, stored, inflated, name_length, extra_length = _LOCAL.unpack(head)
        name = file.read(name_length).decode("utf-8", "replace")
        start = position + _LOCAL.size + name_length + extra_length
        room = max(0, size - start)
        stored = min(stored, room) if stored and stored != 0xFFFFFFFF else room
        yield Member(name, start, stored, inflated, method, bool(flags & _ENCRYPTED))
        position = start + stored


def read_content(file: BinaryIO, member: Member, *, limit: int = MAX_INFLATED) -> bytes:
    """Return at most `limit` bytes of a member, inflated; content that cannot be inflated is returned as stored."""
    file.seek(member.start)
    if member.method == zipfile.ZIP_DEFLATED:
        return _inflate(file, member.stored, limit)
    return file.read(min(member.stored, limit))


def _inflate(file: BinaryIO, stored: int, limit: int) -> bytes:
    stream = zlib.decompressobj(-15)
    out = io.BytesIO()
    left = stored
    try:
        while left > 0 and out.tell() < limit and not stream.eof:
            block = file.read(min(left, 1 << 16))
            if not block:
                break
            left -= len(block)
            out.write(stream.decompress(block, limit - out.tell()))
            while stream.unconsumed_tail and out.tell() < limit:
                out.write(stream.decompress(stream.unconsumed_tail, limit - out.tell()))
    except zlib.error:
        file.seek(-min(stored - left, stored), os.SEEK_CUR)
        return out.getvalue() or file.read(min(stored, limit))
    return out.getvalue()
