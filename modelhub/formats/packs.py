"""Packs: zip archives that hold models, such as several LoRAs of one page. They are looked into without unpacking.

No name of an archive is ever used as a path, and every member is written as an ordinary file. What a member is, is
judged from its bytes afterwards, as if it had been downloaded alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modelhub.formats import gguf, safetensors, scan
from modelhub.formats.archive import InflationBudget, Member, MemberStream, is_zip, read_archive
from modelhub.formats.torch_zip import find_main_pickle
from modelhub.formats.zips.parts import DEFLATED, STORED

MAX_MODELS = 1000
_MAX_MEMBERS = 20_000  # members whose heads are read
_HEAD = 64
_PIECE = 1 << 20
# Models shrink by a third at most; what grows a hundredfold was made to fill a disk.
_MAX_RATIO = 100
_SMALL = 64 << 20  # bytes in all, which no ratio forbids
_LONGEST_HEADER = 32 << 20  # bytes of a GGUF file that are inflated to read its header
_SKIPPED = re.compile(r"(^|/)(__MACOSX/|\.(?!\.?[/\\]))")
_LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
_MODEL_NAME = re.compile(r"\.(safetensors|sft|ckpt|pt|pth|bin|gguf)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The models in an archive, and those that are refused, each with a sentence. `others`: all further members."""

    path: Path
    models: tuple[Member, ...]
    refused: tuple[tuple[str, str], ...] = ()
    others: tuple[Member, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no model in it at all."""
        return not self.models and not self.refused

    @property
    def size(self) -> int:
        """The bytes of all models when they are unpacked."""
        return sum(member.size for member in self.models)


class DamagedMemberError(Exception):
    """The content of a member is not the one that the archive states."""


def read_pack(path: Path) -> Pack | None:
    """Return the models in a zip archive; None for any other file, and for a torch file. Raise OSError."""
    with path.open("rb") as file:
        if not is_zip(file.read(4)):
            return None
        size = file.seek(0, 2)
        found = read_archive(file, size)
        if found.truncated or find_main_pickle(found) is not None:
            return None
        members = [member for member in found.members[:_MAX_MEMBERS] if not _SKIPPED.search(member.name)]
        counts = Counter(_folded(member.name) for member in members)
        models: list[Member] = []
        refused: list[tuple[str, str]] = []
        others: list[Member] = []
        for member in members:
            kind = _kind(file, member)
            if kind is None:
                others.append(member)
            elif reason := _refusal(member, kind, is_doubled=counts[_folded(member.name)] > 1):
                refused.append((member.name, reason))
            else:
                models.append(member)
    excess = _excess(models, size)
    if excess:
        refused += [(member.name, excess) for member in models]
        models = []
    return Pack(path=path, models=tuple(models), refused=tuple(refused), others=tuple(others))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def _kind(file: BinaryIO, member: Member) -> str | None:
    """Return what a member begins like, "model" or "archive"; None for what is not of interest here."""
    if member.encrypted or member.link or member.method not in (STORED, DEFLATED):
        return "model" if _MODEL_NAME.search(member.name) else None
    head = MemberStream(file, member, InflationBudget(_HEAD)).read(_HEAD)
    if is_zip(head):
        return "model" if _begins_as_torch(head) or _MODEL_NAME.search(member.name) else "archive"
    is_model = (
        head.startswith(gguf.MAGIC)
        or safetensors.looks_like_safetensors(head, member.size)
        or scan.looks_like_pickle(head)
    )
    return "model" if (is_model and not _is_text(head)) or _MODEL_NAME.search(member.name) else None


def _begins_as_torch(head: bytes) -> bool:
    name = head[30:]
    return any(part in name for part in (b"/data.pkl", b"/data/", b"/version", b"/.format", b"/byteorder"))


def _is_text(head: bytes) -> bool:
    """Return whether a head that could be an old pickle reads like text: such a member is not offered as a model."""
    return all(byte >= 32 or byte in (9, 10, 13) for byte in head)


def _refusal(member: Member, kind: str, *, is_doubled: bool) -> str:
    """Return why a member is not unpacked, in a sentence; "" if it may be."""
    if kind == "archive":
        return "It is an archive within the archive, which is not unpacked."
    if _LEADS_OUT.search(member.name):
        return "Its name leads out of the archive."
    if is_doubled:
        return "Another member of the archive has the same name."
    if member.link:
        return "It is a symbolic link."
    if member.encrypted:
        return "It is encrypted."
    if member.method not in (STORED, DEFLATED):
        return "It is compressed with a method that modelhub does not read."
    return ""


def _excess(models: list[Member], size: int) -> str:
    total = sum(member.size for member in models)
    if len(models) > MAX_MODELS:
        return "The archive holds more models than are unpacked at once."
    if total > _SMALL and total > _MAX_RATIO * size:
        return f"The archive grows to {total // size} times its size, which no models do."
    return ""


def read_member(path: Path, member: Member) -> Iterator[bytes]:
    """Yield the content of a member piece by piece. Raise DamagedMemberError at the end, and OSError."""
    with path.open("rb") as file:
        stream = MemberStream(file, member, InflationBudget(member.size))
        length = 0
        while piece := stream.read(_PIECE):
            length += len(piece)
            if length > member.size:
                break
            yield piece
        if length != member.size or stream.checksum != member.checksum:
            raise DamagedMemberError


def write_excerpt(path: Path, member: Member, target: Path, *, limit: int) -> bool:
    """Write what is needed to inspect a member: the header of a safetensors or GGUF file, all of another.

    The file gets the full size of the member, with nothing on the disk for the rest. Return False, with nothing
    written, where that needs more than `limit` bytes. Raise OSError.
    """
    with path.open("rb") as file:
        head = MemberStream(file, member, InflationBudget(_HEAD)).read(_HEAD)
        needed = member.size
        if head.startswith(gguf.MAGIC):
            needed = min(needed, _LONGEST_HEADER)
        elif safetensors.looks_like_safetensors(head, member.size):
            needed = min(needed, 8 + int.from_bytes(head[:8], "little"))
        if needed > limit:
            return False
        stream = MemberStream(file, member, InflationBudget(needed + _PIECE))
        with target.open("wb") as out:
            while needed > 0 and (piece := stream.read(min(needed, _PIECE))):
                out.write(piece)
                needed -= len(piece)
            out.truncate(member.size)
    return True
