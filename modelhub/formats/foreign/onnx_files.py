"""ONNX files: the structure is followed to the places of external data. Nothing else in them is looked into.

Source: onnx.proto3 of ONNX 1.18. It is a message of protobuf without a magic number, recognized by its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 1 << 16  # bytes that are read at once
_MAX_FIELDS = 600_000  # of all messages together; a graph of 10,000 nodes has 200,000
_MAX_DEPTH = 32  # messages within messages
_MAX_ENTRY = 1 << 14  # bytes of an external_data entry
_MAX_FINDINGS = 8
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# The fields of a ModelProto, by number, with their wire types.
_MODEL_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_GRAPH_FIELD = 7
# Message → field → message, for all ways that lead to the external data of a tensor.
_INNER = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {13: "entry"},
}
_LEAVES_FOLDER = re.compile(rb"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|\\|\0")


class _WireError(Exception):
    """Bytes that are not a message of protobuf, or more of them than are followed."""


class _WireReader:
    """A reader of protobuf's wire format that holds one block of the file at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = 0
        self._block = b""
        self.fields_left = _MAX_FIELDS

    def number(self, position: int) -> tuple[int, int]:
        """Return the number at a byte and the byte after it."""
        value = shift = 0
        for index in range(10):
            at = position + index - self._start
            if not 0 <= at < len(self._block):
                self._load(position + index)
                at = 0
            byte = self._block[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position + index + 1
            shift += 7
        raise _WireError

    def _load(self, position: int) -> None:
        self._file.seek(position)
        self._start, self._block = position, self._file.read(_BLOCK)
        if not self._block:
            raise _WireError

    def content(self, start: int, end: int) -> bytes:
        """Return the bytes of a field."""
        self._file.seek(start)
        return self._file.read(end - start)

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (number, wire type, start, end of the content) of each field of a message."""
        position = start
        while position < end:
            self.fields_left -= 1
            if self.fields_left < 0:
                raise _WireError
            tag, position = self.number(position)
            number, kind = tag >> 3, tag & 7
            if kind == _LENGTH:
                length, position = self.number(position)
            elif kind == _VARINT:
                length = self.number(position)[1] - position
            elif kind in (_FIXED32, _FIXED64):
                length = 4 if kind == _FIXED32 else 8
            else:
                raise _WireError
            if position + length > end:
                raise _WireError
            yield number, kind, position, position + length
            position += length


def is_onnx(file: BinaryIO, size: int) -> bool:
    """Return whether the whole file is a ModelProto with a graph."""
    has_graph = False
    try:
        for number, kind, _start, _end in _WireReader(file).fields(0, size):
            if _MODEL_FIELDS.get(number) != kind:
                return False
            has_graph = has_graph or number == _GRAPH_FIELD
    except _WireError:
        return False
    return has_graph


def scan_onnx(file: BinaryIO, size: int) -> tuple[tuple[str, str], ...]:
    """Return a finding for each tensor whose data would be read from a file outside the model's folder."""
    reader = _WireReader(file)
    findings: list[tuple[str, str]] = []
    pending = [("model", 0, size, 0)]
    try:
        while pending and len(findings) < _MAX_FINDINGS:
            message, start, end, depth = pending.pop()
            if message == "entry":
                findings += _entry_findings(reader, start, end)
            elif depth > _MAX_DEPTH:
                findings.append(("suspicious", f"Its graph is nested deeper than any, at byte {start}."))
            else:
                inner = _INNER[message]
                pending += [
                    (inner[number], at, after, depth + 1)
                    for number, kind, at, after in reader.fields(start, end)
                    if kind == _LENGTH and number in inner
                ]
    except _WireError:
        findings.append(("unrecognised", "Its structure cannot be followed to the end."))
    return tuple(findings)


def _entry_findings(reader: _WireReader, start: int, end: int) -> Iterator[tuple[str, str]]:
    if end - start > _MAX_ENTRY:
        yield "suspicious", f"It names external data with {end - start} bytes, at byte {start}."
        return
    found = {number: reader.content(at, after) for number, _kind, at, after in reader.fields(start, end)}
    value = found.get(2, b"")
    if found.get(1) == b"location" and _LEAVES_FOLDER.search(value):
        name = value[:200].decode("utf-8", "replace")
        yield "suspicious", f"It names external data outside its own folder ({name!r}, at byte {start})."
