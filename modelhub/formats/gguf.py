"""GGUF: a strict and bounded reader of names, shapes, types and plain metadata. The tensor data is never read.

A header without fatal problems means that each byte of the file belongs to the header, to one tensor, or to the padding
that writers put behind each (the last tensor's may be missing). Source: the GGUF specification, versions 1 to 3, and
what llama.cpp's gguf.cpp and gguf-py refuse.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from modelhub.domain import Format
from modelhub.formats.foreign.chat_templates import template_findings
from modelhub.formats.gguf_layout import GgufError, TensorPlace, check_layout, pad
from modelhub.formats.gguf_types import TYPES
from modelhub.formats.header import Header, PickleScan, Problem, TensorInfo, quote_name

MAGIC = b"GGUF"
MAGICS = (MAGIC, b"FUGG")  # the second: big-endian, as new writers spell it
_FIRST_READ = 1 << 20  # bytes; holds the header of nearly every image model
_LARGEST_HEADER = 64 << 20  # bytes
_MAX_TENSORS = 100_000
_MAX_PAIRS = 10_000
_MAX_ITEMS = 2_000_000  # texts and arrays in arrays; vocabularies have some hundred thousand
_MAX_DEPTH = 3
_MAX_DIMENSIONS = 8
_MAX_ALIGNMENT = 1 << 16
_LONGEST_NAME = 65_535  # bytes, as the specification has it
_KEPT = 4096  # bytes of a metadata text that are kept
_TEMPLATE = "tokenizer.chat_template"  # and `tokenizer.chat_template.NAME` for further ones
_SEARCHED = 4 << 20  # bytes of all chat templates together that are searched
_KEPT_OF_ALL = 4 << 20  # bytes of all metadata texts together
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_UINT32, _STRING, _ARRAY = 4, 8, 9
_SHOWN = 8  # problems that are listed one by one
_TOO_LARGE = "which is larger than any model"


class _IncompleteError(Exception):
    """The header goes on behind the bytes that were read."""


@dataclass(slots=True)
class _Contents:
    """The contents of a header."""

    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    places: list[TensorPlace] = field(default_factory=list)
    alignment: int = 32
    data_start: int | None = None


def read(path: Path) -> Header:
    """Read the header of a GGUF file, with problems where it is broken. Raise OSError when it cannot be read."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        contents = _read_in_steps(file, size)
    return Header(
        format=Format.GGUF,
        size=size,
        tensors=contents.tensors,
        metadata=contents.metadata,
        pickle=PickleScan(findings=tuple(contents.findings)) if contents.findings else None,
        problems=tuple(contents.problems),
        data_start=contents.data_start,
    )


def _read_in_steps(file: io.FileIO, size: int) -> _Contents:
    """Read more of the file until the header is whole: its size is not stated anywhere."""
    buffer = bytearray()
    wanted = _FIRST_READ
    while True:
        while len(buffer) < wanted and (piece := file.read(wanted - len(buffer))):
            buffer += piece
        contents = _Contents()
        try:
            header_end = _HeaderReader(buffer, size, contents).read()
            contents.data_start = pad(header_end, contents.alignment)
            if not any(problem.fatal for problem in contents.problems):
                check_layout(contents.places, header_end, contents.alignment, size)
            if contents.places != sorted(contents.places):
                text = "The tensors are not listed in the order of their data; llama.cpp does not load such a file."
                contents.problems.append(Problem(text))
        except GgufError as exc:
            contents.problems.append(Problem(str(exc), fatal=True))
        except (_IncompleteError, struct.error):
            if len(buffer) < wanted:
                text = f"The file ends after {len(buffer)} bytes, inside its header: it is truncated."
            elif wanted >= _LARGEST_HEADER:
                text = f"The header has more than {wanted} bytes, {_TOO_LARGE}."
            else:
                wanted *= 8
                continue
            contents.problems.append(Problem(text, fatal=True))
        return contents


class _HeaderReader:
    """One pass over the header in `buffer`, the first bytes of a file of `size` bytes."""

    def __init__(self, buffer: bytearray, size: int, contents: _Contents) -> None:
        self._buffer = buffer
        self._size = size
        self._contents = contents
        self._position = 0
        self._order = "<"
        self._count = struct.Struct("<Q")  # of lengths, counts and dimensions
        self._items = 0
        self._room = _KEPT_OF_ALL
        self._unsearched = _SEARCHED

    def read(self) -> int:
        """Read the whole header and return where it ends.

        Raise GgufError for a fault, _IncompleteError or struct.error where the buffer ends too early.
        """
        version = self._read_version()
        width = "I" if version == 1 else "Q"
        self._count = struct.Struct(self._order + width)
        tensors, pairs = self._read_count(), self._read_count()
        if tensors > _MAX_TENSORS or pairs > _MAX_PAIRS:
            raise GgufError(
                f"Its counts at byte 8 (tensors: {tensors}, metadata values: {pairs}) are larger than any model's."
            )
        # A pair is at least a length, a type and a byte; a tensor a length, a count, a type and an offset.
        if pairs * (self._count.size + 5) + tensors * (self._count.size + 16) > self._size - self._position:
            text = (
                f"Its counts at byte 8 (tensors: {tensors}, metadata values: {pairs}) are more than fit into the file."
            )
            raise GgufError(text)
        for _ in range(pairs):
            self._read_pair()
        layouts = [struct.Struct(f"{self._order}{n}{width}IQ") for n in range(_MAX_DIMENSIONS + 1)]
        for _ in range(tensors):
            self._read_tensor(layouts)
        return self._position

    def _read_version(self) -> int:
        magic = bytes(self._buffer[:4])
        if magic not in MAGICS:
            raise GgufError("The file does not begin with GGUF.")
        self._position = 4
        if magic != MAGIC or self._buffer[4:6] == b"\0\0":
            self._order = ">"
            text = "It is a GGUF file in big-endian byte order, which UIs on other processors cannot load."
            self._contents.problems.append(Problem(text, fatal=True))
        version: int = struct.unpack_from(f"{self._order}I", self._buffer, 4)[0]
        self._position = 8
        if version not in (1, 2, 3):
            raise GgufError(f"Version {version} of GGUF (byte 4) is not known.")
        if version == 1:
            self._contents.problems.append(Problem("It is GGUF version 1, which current programs do not load."))
        return version

    def _read_count(self) -> int:
        count: int = self._count.unpack_from(self._buffer, self._position)[0]
        self._position += self._count.size
        return count

    def _take(self, length: int) -> int:
        """Return where the next `length` bytes begin, and go on behind them."""
        start = self._position
        end = start + length
        if end > self._size:
            raise GgufError(f"What begins at byte {start} claims {length} bytes; the file ends after {self._size}.")
        if end > len(self._buffer):
            raise _IncompleteError
        self._position = end
        return start

    def _read_name(self) -> str:
        length = self._read_count()
        start = self._take(length)
        if length > _LONGEST_NAME:
            raise GgufError(f"The name at byte {start} has {length} bytes, {_TOO_LARGE}'s.")
        try:
            return self._buffer[start : self._position].decode("utf-8")
        except UnicodeDecodeError as exc:
            raise GgufError(f"The name at byte {start} is not UTF-8 text (byte {start + exc.start}).") from exc

    def _read_kind(self) -> int:
        kind: int = struct.unpack_from(f"{self._order}I", self._buffer, self._position)[0]
        self._position += 4
        return kind

    def _read_pair(self) -> None:
        start = self._position
        name = self._read_name()
        if not name:
            raise GgufError(f"The name of the metadata value at byte {start} is empty.")
        if name in self._contents.metadata:
            raise GgufError(f"The metadata name {quote_name(name)} at byte {start} appears twice.")
        kind = self._read_kind()
        begin = self._position
        value = self._read_value(kind)
        self._contents.metadata[name] = value
        if name.startswith(_TEMPLATE) and kind == _STRING:
            self._search_template(name, begin + self._count.size)
        if name == "general.alignment":
            if kind != _UINT32 or int(value) not in (1 << n for n in range(_MAX_ALIGNMENT.bit_length())):
                raise GgufError(
                    f"The alignment at byte {start} is {value:.40}, not a power of 2 up to {_MAX_ALIGNMENT}."
                )
            self._contents.alignment = int(value)

    def _search_template(self, name: str, begin: int) -> None:
        """Search the text from `begin` to the position for what leaves the sandbox of a template."""
        length = self._position - begin
        if length > self._unsearched:
            text = f"{name[:80]} (byte {begin}) is a chat template of {length} bytes, longer than any."
            self._contents.findings.append(("suspicious", text))
            return
        self._unsearched -= length
        template = self._buffer[begin : self._position].decode("utf-8", "replace")
        self._contents.findings += template_findings(template, name[:80])

    def _read_value(self, kind: int) -> str:
        if kind in _SCALARS:
            value = struct.unpack_from(self._order + _SCALARS[kind], self._buffer, self._position)[0]
            self._position += struct.calcsize(self._order + _SCALARS[kind])
            return str(value)
        if kind == _STRING:
            start = self._take(self._read_count())
            kept = self._buffer[start : min(self._position, start + min(_KEPT, self._room))]
            self._room -= len(kept)
            return kept.decode("utf-8", "ignore")
        if kind == _ARRAY:
            return f"[{self._skip_array(1)} values]"
        raise GgufError(f"The metadata value before byte {self._position} has the unknown type {kind}.")

    def _skip_array(self, depth: int) -> int:
        start = self._position
        kind, length = self._read_kind(), self._read_count()
        if kind in _SCALARS:
            self._take(length * struct.calcsize(self._order + _SCALARS[kind]))
            return length
        if kind not in (_STRING, _ARRAY) or depth > _MAX_DEPTH:
            raise GgufError(f"The array at byte {start} holds values of type {kind} at depth {depth}.")
        self._items += length
        if self._items > _MAX_ITEMS:
            raise GgufError(f"The array at byte {start} claims {length} values, {_TOO_LARGE}.")
        if length * self._count.size > self._size - self._position:
            raise GgufError(f"The array at byte {start} claims {length} values, more than fit into the file.")
        if kind == _STRING:
            self._skip_texts(length)
        else:
            for _ in range(length):
                self._skip_array(depth + 1)
        return length

    def _skip_texts(self, count: int) -> None:
        buffer, position, size = self._buffer, self._position, self._size
        unpack, width = self._count.unpack_from, self._count.size
        for _ in range(count):
            (length,) = unpack(buffer, position)
            position += width + length
            if position > size:
                start = position - length
                raise GgufError(f"The text at byte {start} claims {length} bytes; the file ends after {size}.")
        self._position = position
        self._take(0)

    def _read_tensor(self, layouts: list[struct.Struct]) -> None:
        start = self._position
        name = self._read_name()
        dimensions = self._read_kind()
        if dimensions > _MAX_DIMENSIONS:
            raise GgufError(f"Tensor {quote_name(name)} at byte {start} has {dimensions} dimensions, {_TOO_LARGE}.")
        layout = layouts[dimensions]
        *shape, kind, offset = layout.unpack_from(self._buffer, self._position)
        self._position += layout.size
        if name in self._contents.tensors:
            raise GgufError(f"The tensor name {quote_name(name)} at byte {start} appears twice.")
        type_name, block, length = TYPES.get(kind, (f"type {kind}", 0, 0))
        if not block:
            self._report(f"Tensor {quote_name(name)} at byte {start} has the unknown type {kind}.")
        elif shape and shape[0] % block:
            self._report(
                f"Tensor {quote_name(name)} ({type_name}) at byte {start} has rows of {shape[0]} values, "
                f"which are not whole blocks of {block}."
            )
        # GGUF counts dimensions from the innermost; all other formats from the outermost.
        self._contents.tensors[name] = TensorInfo(type_name, tuple(reversed(shape)))
        self._contents.places.append(TensorPlace(offset, prod(shape) // (block or 1) * length, name, start))

    def _report(self, text: str) -> None:
        """Report a fault that does not keep the rest of the header from being read."""
        if len(self._contents.problems) < _SHOWN:
            self._contents.problems.append(Problem(text, fatal=True))
