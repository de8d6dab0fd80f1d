"""Safetensors: a bounded reader of the header that checks what a loader relies on. The tensor data is never read.

Format: 8 bytes length N (little-endian), N bytes JSON, data. Source: the safetensors documentation and its reference
library, whose checks are all made here; more (duplicate keys) besides.
"""

from __future__ import annotations

import os
from itertools import repeat
from math import prod
from operator import attrgetter, mul, sub
from pathlib import Path

import msgspec

from modelhub.domain import Format
from modelhub.formats.dtypes import BITS
from modelhub.formats.header import Header, Problem, TensorInfo
from modelhub.formats.safetensors_exact import MAX_DIMENSIONS, MAX_TENSORS, Parsed, read_exactly

MAX_HEADER = 100_000_000  # bytes, the reference library's limit
_SHOWN = 8  # problems of one kind that are told one by one
_LARGE = 8 << 20  # bytes of a header whose tensors are counted before they are decoded
_FIRST_READ = 160 * 1024  # bytes; holds nearly every header, and a larger buffer is slower to fill


class _Metadata(msgspec.Struct):
    values: dict[str, str] | None = msgspec.field(name="__metadata__", default=None)


_OFFSETS, _DTYPE, _SHAPE = attrgetter("data_offsets"), attrgetter("dtype"), attrgetter("shape")
_DECODE_TENSORS = msgspec.json.Decoder(dict[str, TensorInfo]).decode
_DECODE_METADATA = msgspec.json.Decoder(_Metadata).decode


def looks_like(head: bytes, size: int) -> bool:
    """Whether a file that begins with `head` (9 bytes or more) can be meant as safetensors."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and 2 <= length <= max(MAX_HEADER, size)


def read(path: Path) -> Header:
    """The header of a safetensors file, verified. What is wrong with it is in `problems`; OSError when unreadable."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_FIRST_READ)
        if len(head) < 8:
            return _broken(size, f"the file has {len(head)} bytes, fewer than the 8 of a header's length")
        length = int.from_bytes(head[:8], "little")
        if length > MAX_HEADER:
            return _broken(size, f"the header claims {length} bytes; the format allows {MAX_HEADER}")
        if 8 + length > size:
            return _broken(size, f"the header claims {length} bytes, but the file ends after {size}: it is truncated")
        parts = [head]
        missing = 8 + length - len(head)
        while missing > 0 and (part := file.read(missing)):
            parts.append(part)
            missing -= len(part)
    raw = memoryview(b"".join(parts))[8 : 8 + length]
    return parse(raw, size=size)


def parse(raw: memoryview, *, size: int) -> Header:
    """A header from its JSON bytes and the file's size."""
    fast = _fast(raw)
    if fast is None or not _plain(fast[0]):
        fast = read_exactly(bytes(raw))
    tensors, metadata, problems = fast
    start = 8 + len(raw)
    if not any(problem.fatal for problem in problems):
        problems = (*problems, *_layout(tensors, start=start, size=size))
    return Header(
        format=Format.SAFETENSORS,
        size=size,
        tensors=tensors,
        metadata=metadata,
        problems=tuple(problems),
        data_start=start,
    )


def _plain(tensors: dict[str, TensorInfo]) -> bool:
    """Whether every entry has all its fields and a known type; what has not is for the exact reader to name."""
    infos = tensors.values()
    return (
        None not in map(_OFFSETS, infos)
        and BITS.keys() >= set(map(_DTYPE, infos))
        and max(map(len, map(_SHAPE, infos)), default=0) <= MAX_DIMENSIONS
    )


def _broken(size: int, text: str) -> Header:
    return Header(format=Format.SAFETENSORS, size=size, problems=(Problem(text, fatal=True),))


def _fast(raw: memoryview) -> Parsed | None:
    """A sound header, decoded in C; None when anything about it calls for the exact reader."""
    if len(raw) > _LARGE and bytes(raw).count(b'"dtype"') > MAX_TENSORS:
        return None
    text = bytes(raw)
    try:
        tensors = _DECODE_TENSORS(text)
        metadata = _metadata(text) if "__metadata__" in tensors else None
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    # The decoder keeps the last of two equal keys, and skips what it does not know: the keys are counted in the bytes.
    keys = 4 * len(tensors) if metadata is None else 4 * len(tensors) - 3 + len(metadata) + _colons_in(metadata)
    if not text.startswith(b"{") or text.count(b'":') != keys:
        return None
    if metadata is not None:
        del tensors["__metadata__"]
    return tensors, metadata or {}, ()


def _metadata(text: bytes) -> dict[str, str] | None:
    """The metadata, which stands first in nearly every file: then the tensors need not be skipped once more."""
    end = text.find(b'},"') if text.startswith(b'{"__metadata__":{') else -1
    if end > 0:
        try:
            return _DECODE_METADATA(text[: end + 1] + b"}").values
        except msgspec.DecodeError:
            pass  # the brace was part of a value
    return _DECODE_METADATA(text).values


def _colons_in(metadata: dict[str, str]) -> int:
    """How often quote and colon stand inside the texts themselves, as in nested JSON."""
    return sum(text.count('":') for pair in metadata.items() for text in pair)


def _layout(tensors: dict[str, TensorInfo], *, start: int, size: int) -> tuple[Problem, ...]:
    """Whether the tensors fill the data part exactly: no hole, no overlap, nothing missing, nothing behind.

    Whole columns at a time, in C: this is done for every tensor of every file.
    """
    infos = tensors.values()
    offsets = list(map(_OFFSETS, infos))
    starts, ends = zip(*offsets, strict=True) if offsets else ((), ())
    widths = map(BITS.__getitem__, map(_DTYPE, infos))
    bits = list(map(mul, map(prod, map(_SHAPE, infos)), widths))
    if bits != list(map(mul, map(sub, ends, starts), repeat(8))):
        return _wrong_lengths(tensors)
    places = sorted(offsets)
    starts, ends = zip(*places, strict=True) if places else ((), ())
    if places and (starts[0] != 0 or starts[1:] != ends[:-1]):
        return _holes(tensors)
    end = start + (ends[-1] if ends else 0)
    if end > size:
        name = max(tensors, key=lambda key: (tensors[key].data_offsets or (0, 0))[1])
        text = f"the file is truncated: it has {size} bytes, tensor {name!r} ends at {end}"
        return (Problem(text, fatal=True),)
    if end < size:
        return (Problem(f"{size - end} bytes follow after the last tensor; the format allows none", fatal=True),)
    return ()


def _wrong_lengths(tensors: dict[str, TensorInfo]) -> tuple[Problem, ...]:
    found = []
    for name, info in tensors.items():
        begin, end = info.data_offsets or (0, 0)
        if prod(info.shape) * BITS[info.dtype] != 8 * (end - begin):
            shape = "×".join(map(str, info.shape)) or "a single number"
            text = f"tensor {name!r} ({info.dtype}, {shape}) has {end - begin} bytes, which does not fit its shape"
            found.append(Problem(text, fatal=True))
    return tuple(found[:_SHOWN])


def _holes(tensors: dict[str, TensorInfo]) -> tuple[Problem, ...]:
    found = []
    last, before = 0, "the header"
    for name, info in sorted(tensors.items(), key=lambda item: item[1].data_offsets or (0, 0)):
        begin, end = info.data_offsets or (0, 0)
        if begin != last:
            what = f"leaves a hole of {begin - last} bytes after" if begin > last else "overlaps"
            found.append(Problem(f"tensor {name!r} {what} {before}", fatal=True))
        last, before = max(last, end), f"tensor {name!r}"
    return tuple(found[:_SHOWN])
