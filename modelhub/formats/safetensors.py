"""Safetensors: a bounded reader of the header that checks what a loader relies on. The tensor data is never read.

Format: 8 bytes length N (little-endian), N bytes JSON, data. Source: the safetensors documentation and its reference
library. A header without fatal problems means that each byte of the file belongs to the header or to one tensor.
"""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from operator import attrgetter, mul, sub
from pathlib import Path

import msgspec

from modelhub.domain import Format
from modelhub.formats.dtypes import BITS
from modelhub.formats.header import NO_SHAPE, Header, Problem, TensorInfo, quote_name
from modelhub.formats.safetensors_entries import LARGEST_COUNT, MAX_DIMENSIONS
from modelhub.formats.safetensors_exact import MAX_METADATA, MAX_TENSORS, ParsedHeader, parse_exactly

MAX_HEADER = 100_000_000  # bytes, the reference library's limit
_SHOWN = 8  # problems of one kind that are listed one by one
_QUOTES = 10  # in a tensor's entry: its name, the names of three fields, its type
_LARGEST_TEXT = 24 << 20  # bytes of a header without the blanks at its end
_LARGEST_FAST = 8 << 20  # bytes of a header that is decoded without counting what is in it
_BLANKS = b" \t\n\r"
# The decoder reads these as the integer 0, the reference library as the float -0.0, which is not a count.
_NEGATIVE_ZEROS = tuple(before + b"-0" for before in (b"[", b",", b" ", b"\t", b"\n", b"\r"))
_FIRST_READ = 160 * 1024  # bytes; holds nearly every header, and a larger buffer is slower to fill


class _Metadata(msgspec.Struct):
    values: dict[str, str] | None = msgspec.field(name="__metadata__", default=None)


_LOCAL = threading.local()
_OFFSETS, _DTYPE, _SHAPE = attrgetter("data_offsets"), attrgetter("dtype"), attrgetter("shape")
_DECODE_TENSORS = msgspec.json.Decoder(dict[str, TensorInfo]).decode
_DECODE_METADATA = msgspec.json.Decoder(_Metadata).decode


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Return whether a file that begins with `head` (9 bytes or more) can be a safetensors file."""
    length = int.from_bytes(head[:8], "little")
    return head[8:].lstrip(_BLANKS)[:1] == b"{" and 2 <= length <= max(MAX_HEADER, size)


def read(path: Path) -> Header:
    """Read and check the header of a safetensors file; `problems` lists the faults. Raise OSError when unreadable."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        buffer = _thread_buffer()
        held = file.readinto(buffer) or 0
        if held < 8:
            return _broken_header(size, f"The file has {held} bytes, fewer than the 8 of a header's length.")
        length = int.from_bytes(buffer[:8], "little")
        if length > MAX_HEADER:
            return _broken_header(size, f"The header claims {length} bytes; the format allows {MAX_HEADER}.")
        if 8 + length > size:
            return _broken_header(
                size, f"The header claims {length} bytes, but the file ends after {size}: it is truncated."
            )
        end = min(8 + length, _LARGEST_TEXT)
        if end > held:
            buffer = bytearray(end)
            file.seek(0)
            _fill(file, buffer)
        if end < 8 + length and not _only_blanks(file, 8 + length - end):
            return _broken_header(size, f"The header has {length} bytes of text, which is larger than any model's.")
    return _parse(buffer, end, start=8 + length, size=size)


def _only_blanks(file: io.FileIO, count: int) -> bool:
    """Return whether the next `count` bytes are blanks; a piece at a time, because they can be most of 100 MB."""
    while count > 0:
        piece = file.read(min(count, 1 << 20))
        if not piece or piece.strip(_BLANKS):
            return False
        count -= len(piece)
    return True


def _thread_buffer() -> bytearray:
    """Return this thread's buffer, reused for every file: new memory of this size takes longer than the reading."""
    buffer: bytearray | None = getattr(_LOCAL, "buffer", None)
    if buffer is None:
        buffer = _LOCAL.buffer = bytearray(_FIRST_READ)
    return buffer


def _fill(file: io.FileIO, buffer: bytearray) -> None:
    view = memoryview(buffer)
    while view and (count := file.readinto(view)):
        view = view[count:]


def _parse(buffer: bytearray, end: int, *, start: int, size: int) -> Header:
    """Parse the header in the first `end` bytes of a file whose data begin at `start`."""
    found = _parse_fast(buffer, end) if end <= _LARGEST_FAST else None
    columns = _Columns.of(found[0]) if found else None
    if found is None or columns is None or not columns.plain():
        found = parse_exactly(buffer, end)
        columns = _Columns.of(found[0])
    tensors, metadata, problems = found
    if not any(problem.fatal for problem in problems):
        problems = (*problems, *_layout_problems(tensors, columns, start=start, size=size))
    return Header(
        format=Format.SAFETENSORS,
        size=size,
        tensors=tensors,
        metadata=metadata,
        problems=tuple(problems),
        data_start=start,
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The fields of all tensors, one list per field, so that checks run in C: a library has thousands of headers."""

    offsets: list[tuple[int, int] | None]
    dtypes: list[str]
    shapes: list[tuple[int, ...]]

    @classmethod
    def of(cls, tensors: dict[str, TensorInfo]) -> _Columns:
        infos = tensors.values()
        return cls(list(map(_OFFSETS, infos)), list(map(_DTYPE, infos)), list(map(_SHAPE, infos)))

    def plain(self) -> bool:
        """Return whether every entry has all its fields and a known type; if not, the exact reader names the fault."""
        return (
            None not in self.offsets and BITS.keys() >= set(self.dtypes) and all(map(_is_plain_shape, set(self.shapes)))
        )


def _is_plain_shape(shape: tuple[int, ...]) -> bool:
    return len(shape) <= MAX_DIMENSIONS and shape != NO_SHAPE and max(shape, default=0) <= LARGEST_COUNT


def _broken_header(size: int, text: str) -> Header:
    return Header(format=Format.SAFETENSORS, size=size, problems=(Problem(text, fatal=True),))


def _parse_fast(buffer: bytearray, end: int) -> ParsedHeader | None:
    """Decode a sound header in C; return None for any that the exact reader must examine."""
    text = memoryview(buffer)[8:end]
    try:
        tensors = _DECODE_TENSORS(text)
        metadata, behind = _metadata(buffer, end) if "__metadata__" in tensors else (None, 8)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    # The decoder keeps the last of two equal keys, and skips what it does not know: both show in the number of quotes.
    quotes = _QUOTES * len(tensors)
    inside = 0
    if metadata is not None:
        inside = sum(name.count('"') + text.count('"') for name, text in metadata.items())
        quotes += 2 - _QUOTES + 4 * len(metadata) + inside
    if buffer[8:9] != b"{" or buffer.count(b'"', 8, end) != quotes:
        return None
    # What the decoder or the count misjudges: a quote written as a number, and a zero with a sign in a tensor's entry.
    hidden = inside and buffer.find(b"\\u0022", 8, behind if behind > 8 else end) >= 0
    signed = buffer.find(b"-", behind, end) >= 0 and any(
        buffer.find(zero, behind, end) >= 0 for zero in _NEGATIVE_ZEROS
    )
    if hidden or signed or "" in tensors or len(tensors) > MAX_TENSORS or len(metadata or ()) > MAX_METADATA:
        return None
    if metadata is not None:
        del tensors["__metadata__"]
    return tensors, metadata or {}, ()


def _metadata(buffer: bytearray, end: int) -> tuple[dict[str, str] | None, int]:
    """Return the metadata, and where the tensors begin behind them; 8 when they do not stand in front.

    They do in nearly every file: then the tensors need not be skipped a second time.
    """
    close = buffer.find(b'},"', 8, end) if buffer.startswith(b'{"__metadata__":{', 8) else -1
    if close > 0:
        try:
            return _DECODE_METADATA(buffer[8 : close + 1] + b"}").values, close
        except msgspec.DecodeError:
            pass  # the brace was part of a value
    return _DECODE_METADATA(memoryview(buffer)[8:end]).values, 8


def _layout_problems(
    tensors: dict[str, TensorInfo], columns: _Columns, *, start: int, size: int
) -> tuple[Problem, ...]:
    """Return problems unless the tensors fill the data part exactly: no gap, no overlap, nothing missing or behind."""
    places = [place for place in columns.offsets if place is not None]
    starts, ends = zip(*places, strict=True) if places else ((), ())
    # A LoRA has hundreds of tensors of a few dozen kinds: each kind is checked once.
    kinds = set(zip(columns.dtypes, columns.shapes, map(sub, ends, starts), strict=True))
    if any(not _fits(dtype, shape, length) for dtype, shape, length in kinds):
        return _length_problems(tensors)
    if places and (starts[0] != 0 or starts[1:] != ends[:-1]):  # not in the order of the file, or not sound
        starts, ends = zip(*sorted(places), strict=True)
        if starts[0] != 0 or starts[1:] != ends[:-1]:
            return _gap_problems(tensors)
    end = start + (ends[-1] if ends else 0)
    if end > size:
        name = max(tensors, key=lambda key: (tensors[key].data_offsets or (0, 0))[1])
        text = f"The file is truncated: it has {size} bytes, and tensor {quote_name(name)} ends at {end}."
        return (Problem(text, fatal=True),)
    if end < size:
        return (Problem(f"{size - end} bytes follow the last tensor; the format allows none.", fatal=True),)
    return ()


def _fits(dtype: str, shape: tuple[int, ...], length: int) -> bool:
    """Return whether a tensor has so many bytes, and its product can be computed as the reference library does."""
    if prod(shape) * BITS[dtype] != 8 * length:
        return False
    return length > 0 or max(accumulate(shape, mul), default=0) <= LARGEST_COUNT


def _length_problems(tensors: dict[str, TensorInfo]) -> tuple[Problem, ...]:
    found = []
    for name, info in tensors.items():
        begin, end = info.data_offsets or (0, 0)
        if not _fits(info.dtype, info.shape, end - begin):
            shape = "×".join(map(str, info.shape)) or "a single number"
            text = (
                f"Tensor {quote_name(name)} ({info.dtype}, {shape:.80}) has {end - begin} bytes, "
                "which does not fit its shape."
            )
            found.append(Problem(text, fatal=True))
            if len(found) == _SHOWN:
                break
    return tuple(found)


def _gap_problems(tensors: dict[str, TensorInfo]) -> tuple[Problem, ...]:
    found = []
    last, before = 0, "the header"
    for name, info in sorted(tensors.items(), key=lambda item: item[1].data_offsets or (0, 0)):
        begin, end = info.data_offsets or (0, 0)
        if begin != last:
            gap = f"There is a gap of {begin - last} bytes between {before} and tensor {quote_name(name)}."
            overlap = f"Tensor {quote_name(name)} overlaps {before}."
            found.append(Problem(gap if begin > last else overlap, fatal=True))
            if len(found) == _SHOWN:
                break
        last, before = max(last, end), f"tensor {quote_name(name)}"
    return tuple(found)
