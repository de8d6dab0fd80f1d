"""The search for pickles in a file, wherever they hide: members, nested archives, numpy arrays, trailing bytes."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from modelhub.formats import archive
from modelhub.formats.foreign import numpy_arrays
from modelhub.formats.foreign.signatures import is_native_code, packed_name
from modelhub.formats.header import PickleGlobal, PickleScan
from modelhub.formats.pickles.machine import as_subject
from modelhub.formats.pickles.reader import ByteStream, PickleReader
from modelhub.formats.pickles.walk import PickleWalk, WalkBudget, walk_pickle

MAX_DEPTH = 3  # archives within archives
_MAX_FINDINGS = 200
_MAX_PICKLES = 64  # that follow one another
_LARGEST_NESTED = 32 << 20  # bytes of an archive or array within an archive, which is held in memory
_HEAD = 512
_HIGHEST_RATIO = 200  # of inflated to stored bytes; tensors of zeros alone reach a thousand
_PICKLE_NAME = re.compile(r"\.(pkl|pickle|pt|pth|bin|ckpt|npy|npz|joblib|dat|data|p)$", re.IGNORECASE)
# How pickles of protocol 2 and later begin, and the older ones: with a dictionary, list, tuple, or a global's module.
_MODULES = (b"__", b"os\n", b"posix", b"nt\n", b"sys", b"torch", b"col", b"builtins", b"numpy", b"subprocess", b"copy")
_STARTS = tuple(b"\x80" + bytes([version]) for version in range(2, 6))
_OLD_STARTS = (b"(d", b"(l", b"(t", b"}", b"]", b"(c", b"(i", *(b"c" + word for word in _MODULES))
_STORAGE = re.compile(r"(^|/)data/\d+$")


@dataclass(slots=True)
class PickleScanner:
    """The globals and findings of all walks over one file, and what may still be spent on it."""

    globals: list[PickleGlobal] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    budget: WalkBudget = field(default_factory=WalkBudget)
    inflation: archive.InflationBudget = field(default_factory=archive.InflationBudget)

    def add(self, found: PickleWalk) -> None:
        """Add the result of one walk."""
        self.globals += found.globals
        self.findings += found.findings

    def result(self) -> PickleScan:
        """Return everything that was found, at most `_MAX_FINDINGS` findings, the worst first."""
        ranks = {"dangerous": 0, "suspicious": 1}
        findings = sorted(dict.fromkeys(self.findings), key=lambda found: ranks.get(found[0], 2))
        return PickleScan(globals=tuple(self.globals), findings=tuple(findings[:_MAX_FINDINGS]))


def looks_like_pickle(head: bytes) -> bool:
    """Return whether bytes that begin with `head` may be a pickle."""
    return head[:2] in _STARTS or head.startswith(_OLD_STARTS)


def scan_archive(
    file: BinaryIO, found: archive.Archive, scanner: PickleScanner, *, depth: int = 0, place: str = ""
) -> None:
    """Walk every member that is a pickle, or is named like one, and those of nested archives."""
    scanner.findings += [(severity, f"{place}{text}") for severity, text in found.findings]
    stored, size = sum(member.stored for member in found.members), sum(member.size for member in found.members)
    if size > archive.MAX_INFLATED and size > _HIGHEST_RATIO * stored:
        text = f"It inflates from {stored} bytes to {size}, more than any model, which fills the memory."
        if place:
            text = f"{place}inflates from {stored} bytes to {size}, more than any model, which fills the memory."
        scanner.findings.append(("suspicious", text))
    for member in found.members:
        if _STORAGE.search(member.name) or not member.stored:
            continue  # raw tensor data, by the archive's own convention; never loaded as a pickle
        stream = archive.MemberStream(file, member, scanner.inflation)
        head = stream.read(_HEAD)
        name = f"{place}{member.name}"
        named = bool(_PICKLE_NAME.search(member.name))
        if head.startswith(numpy_arrays.MAGIC):
            data = head + stream.read(_LARGEST_NESTED)  # the header; the data of a larger array are only counted
            scan_numpy(io.BytesIO(data), max(len(data), member.size), name, scanner)
        elif archive.is_zip(head):
            data = head + stream.read(_LARGEST_NESTED)
            if len(data) >= _LARGEST_NESTED:
                scanner.findings.append(("suspicious", f"{name} is too large to be looked into."))
            scan_bytes(data, name, scanner, depth=depth, named=named)
        else:
            _scan_stream(stream, head, member, name, scanner, named=named)
        if scanner.inflation.exceeded:
            scanner.findings.append(("suspicious", f"{name}: the archive inflates to more than any model needs."))
            return


def _scan_stream(
    stream: archive.MemberStream,
    head: bytes,
    member: archive.Member,
    name: str,
    scanner: PickleScanner,
    *,
    named: bool,
) -> None:
    if _add_packed(head, name, scanner):
        return
    if is_native_code(head):
        scanner.findings.append(("suspicious", f"{name} is compiled code, which a loader runs without any check."))
    if named or looks_like_pickle(head):
        scan_pickles(_Resumed(head, stream), member.size, name, scanner, sure=looks_like_pickle(head))


class _Resumed:
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, stream: ByteStream) -> None:
        self._head, self._stream = head, stream

    def read(self, count: int, /) -> bytes:
        head, self._head = self._head[:count], self._head[count:]
        return head + self._stream.read(count - len(head)) if len(head) < count else head

    def seek(self, offset: int, whence: int = 1, /) -> int:
        within = min(offset, len(self._head))
        self._head = self._head[within:]
        return self._stream.seek(offset - within, 1)


def _add_packed(head: bytes, place: str, scanner: PickleScanner) -> bool:
    """Add a finding for an archive or compressed file that is not looked into; return whether the bytes are one."""
    name = packed_name(head)
    if name is not None:
        scanner.findings.append(("unrecognised", f"{place} is {name}, which is not looked into."))
    return name is not None


def scan_bytes(data: bytes, place: str, scanner: PickleScanner, *, depth: int = 0, named: bool = False) -> None:
    """Walk the pickles in these bytes: an archive, a numpy array, or a pickle. `named`: its name is a pickle's."""
    head = data[:_HEAD]
    if archive.is_zip(head):
        if depth >= MAX_DEPTH:
            scanner.findings.append(("suspicious", f"{place} holds archives nested deeper than {MAX_DEPTH}."))
            return
        inner = io.BytesIO(data)
        scan_archive(inner, archive.read_archive(inner, len(data)), scanner, depth=depth + 1, place=f"{place} → ")
        return
    if head.startswith(numpy_arrays.MAGIC):
        scan_numpy(io.BytesIO(data), len(data), place, scanner)
        return
    if _add_packed(head, place, scanner):
        return
    if named or looks_like_pickle(head):
        scan_pickles(io.BytesIO(data), len(data), place, scanner, sure=looks_like_pickle(head))


def scan_pickles(
    source: ByteStream, total: int, place: str, scanner: PickleScanner, *, start: int = 0, sure: bool = True
) -> list[PickleWalk]:
    """Walk one pickle and those that follow it in a source of `total` bytes; bytes left over are a finding.

    `start`: the byte at which the source stands.
    """
    reader = PickleReader(source, offset=start)
    walks = [walk_pickle(reader, place, budget=scanner.budget)]
    if not walks[0].complete and walks[0].opcodes <= 1 and not sure:
        return []  # named like a pickle, but not one
    while walks[-1].complete and walks[-1].end < total and len(walks) < _MAX_PICKLES:
        if len(walks) == 1:
            text = f"{as_subject(place)}: {total - walks[-1].end} bytes follow its end at byte {walks[-1].end}."
            scanner.findings.append(("suspicious", text))
        following = walk_pickle(reader, f"{place}, pickle {len(walks) + 1}", budget=scanner.budget)
        if not following.complete and following.opcodes <= 1:
            break
        walks.append(following)
    for found in walks:
        scanner.add(found)
    return walks


def scan_numpy(file: BinaryIO, size: int, place: str, scanner: PickleScanner) -> None:
    """Walk the pickle of a numpy array, which only an array of Python objects has."""
    found = numpy_arrays.scan_arrays(file, size, as_subject(place))
    scanner.findings += found.findings
    for start in found.pickles:
        file.seek(start)
        scan_pickles(file, size, f"{place}, its objects", scanner, start=start, sure=False)
