"""The search for pickles in a file, wherever they hide: members, nested archives, numpy arrays, trailing bytes."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.formats import archive
from modelhub.formats.header import PickleGlobal, PickleScan
from modelhub.formats.pickles.walk import PickleWalk, walk_pickle

MAX_DEPTH = 3  # archives within archives
_MAX_FINDINGS = 200
_MAX_PICKLES = 64  # that follow one another
_LIMIT = 128 << 20  # bytes of one member
_PICKLE_NAME = re.compile(r"\.(pkl|pickle|pt|pth|bin|ckpt|npy|npz|joblib|dat|data|p)$", re.IGNORECASE)
# How pickles of protocol 2 and later begin, and the older ones: with a dictionary, list, tuple, or a global's module.
_MODULES = (b"__", b"os\n", b"posix", b"nt\n", b"sys", b"torch", b"col", b"builtins", b"numpy", b"subprocess", b"copy")
_STARTS = tuple(b"\x80" + bytes([version]) for version in range(2, 6))
_OLD_STARTS = (b"(d", b"(l", b"(t", b"}", b"]", b"(c", b"(i", *(b"c" + word for word in _MODULES))
_STORAGE = re.compile(r"(^|/)data/\d+$")
_ENCODINGS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


@dataclass(slots=True)
class PickleScanner:
    """The globals and findings of all walks over one file."""

    globals: list[PickleGlobal] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)

    def add(self, found: PickleWalk) -> None:
        """Add the result of one walk."""
        self.globals += found.globals
        self.findings += found.findings

    def result(self) -> PickleScan:
        """Return everything that was found, at most `_MAX_FINDINGS` findings."""
        return PickleScan(globals=tuple(self.globals), findings=tuple(self.findings[:_MAX_FINDINGS]))


def looks_like_pickle(head: bytes) -> bool:
    """Return whether bytes that begin with `head` may be a pickle."""
    return head[:2] in _STARTS or head.startswith(_OLD_STARTS)


def scan_archive(
    file: BinaryIO, found: archive.Archive, scanner: PickleScanner, *, depth: int = 0, place: str = ""
) -> None:
    """Walk every member that is a pickle, or is named like one, and those of nested archives."""
    scanner.findings += [(severity, f"{place}{text}") for severity, text in found.findings]
    for member in found.members:
        if _STORAGE.search(member.name):
            continue  # raw tensor data, by the archive's own convention; never loaded as a pickle
        data = archive.read_content(file, member, limit=_LIMIT)
        scan_bytes(data, f"{place}{member.name}", scanner, depth=depth, named=bool(_PICKLE_NAME.search(member.name)))
        if len(data) >= _LIMIT and member.size > _LIMIT:
            scanner.findings.append(("suspicious", f"{place}{member.name} is too large to be scanned."))


def scan_bytes(data: bytes, place: str, scanner: PickleScanner, *, depth: int = 0, named: bool = False) -> None:
    """Walk the pickles in these bytes: an archive, a numpy array, or a pickle. `named`: its name is a pickle's."""
    head = data[:512]
    if archive.is_zip(head):
        if depth >= MAX_DEPTH:
            scanner.findings.append(("suspicious", f"{place} holds archives nested deeper than {MAX_DEPTH}."))
            return
        inner = io.BytesIO(data)
        scan_archive(inner, archive.read_archive(inner, len(data)), scanner, depth=depth + 1, place=f"{place} → ")
        return
    if head.startswith(b"\x93NUMPY"):
        scan_numpy(data, place, scanner)
        return
    for magic, name in _ENCODINGS:
        if head.startswith(magic):
            scanner.findings.append(("unrecognised", f"{place} is {name}, which cannot be scanned."))
            return
    if named or looks_like_pickle(head):
        scan_pickles(io.BytesIO(data), len(data), place, scanner, sure=looks_like_pickle(head))


def scan_pickles(
    source: BinaryIO, total: int, place: str, scanner: PickleScanner, *, sure: bool = True
) -> list[PickleWalk]:
    """Walk one pickle and those that follow it in a source of `total` bytes; bytes left over are a finding."""
    walks = [walk_pickle(source, place)]
    if not walks[0].complete and walks[0].opcodes <= 1 and not sure:
        return []  # named like a pickle, but not one
    while walks[-1].complete and walks[-1].end < total and len(walks) < _MAX_PICKLES:
        if len(walks) == 1:
            text = f"{place}: {total - walks[-1].end} bytes follow the end of the pickle."
            scanner.findings.append(("suspicious", text))
        following = walk_pickle(source, f"{place}, pickle {len(walks) + 1}")
        if not following.complete and following.opcodes <= 1:
            break
        walks.append(following)
    for found in walks:
        scanner.add(found)
    return walks


def scan_numpy(data: bytes, place: str, scanner: PickleScanner) -> None:
    """Walk the pickle of a numpy array, which only an array of Python objects has."""
    version = data[6] if len(data) > 6 else 0
    width = 2 if version == 1 else 4
    length = int.from_bytes(data[8 : 8 + width], "little")
    start = 8 + width + length
    header = data[8 + width : start][:65536]
    match = re.search(rb"""['"]descr['"]\s*:\s*(\[.*?\]|['"][^'"]*['"])""", header, re.DOTALL)
    if match is None:
        scanner.findings.append(("suspicious", f"{place} is a numpy array whose header cannot be read."))
    elif b"O" in match[1]:
        scan_pickles(io.BytesIO(data[start:]), len(data) - start, f"{place} (numpy objects)", scanner)
