"""Safetensors: a bounded reader of the header that checks what a loader relies on. The tensor data is never read.

Format: 8 bytes length N (little-endian), N bytes JSON, data. Source: the safetensors documentation and its reference
library, whose checks are all made here; more (duplicate keys) besides.
"""

from __future__ import annotations

import os
from itertools import starmap
from math import prod
from operator import attrgetter, sub
from pathlib import Path

import msgspec

from modelhub.domain import Format
from modelhub.formats.dtypes import BITS
from modelhub.formats.header import Header, Problem, TensorInfo
from modelhub.formats.safetensors_exact import MAX_DIMENSIONS, MAX_TENSORS, Parsed, read_exactly

MAX_HEADER = 100_000_000  # bytes, the reference library's limit
_SHOWN = 8  # problems of one kind that are told one by one
_FIRST_READ = 160 * 1024  # bytes; holds nearly every header, and a larger buffer is slower to fill


class _Metadata(msgspec.Struct):
    values: dict[str, str] | None = msgspec.field(name="__metadata__", default=None)


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
    tensors, metadata, problems = fast if fast is not None else read_exactly(bytes(raw))
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


def _broken(size: int, text: str) -> Header:
    return Header(format=Format.SAFETENSORS, size=size, problems=(Problem(text, fatal=True),))


def _fast(raw: memoryview) -> Parsed | None:
    """A sound header, decoded in C; None when anything about it calls for the exact reader."""
    text = bytes(raw)
    count = text.count(b'"dtype"')
    if not text.startswith(b"{") or count > MAX_TENSORS:
        return None
    try:
        tensors = _DECODE_TENSORS(text)
        metadata = _DECODE_METADATA(text).values if "__metadata__" in tensors else None
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if metadata is not None:
        del tensors["__metadata__"]
    # The decoder keeps the last of two equal keys: the bytes must hold each word as often as there are tensors.
    if not count == len(tensors) == text.count(b'"shape"') == text.count(b'"data_offsets"'):
        return None
    colons = text.count(b'":')
    if metadata is not None and (4 * len(tensors) + len(metadata) + 1 != colons - _colons_in_strings(metadata)):
        return None
    if metadata is None and 4 * len(tensors) != colons:
        return None
    infos = tensors.values()
    if any(t.data_offsets is None or t.dtype not in BITS or len(t.shape) > MAX_DIMENSIONS for t in infos):
        return None
    return tensors, metadata or {}, ()


def _colons_in_strings(metadata: dict[str, str]) -> int:
    """How often quote and colon stand inside the texts themselves, as in nested JSON."""
    return sum(text.count('":') for pair in metadata.items() for text in pair)


def _layout(tensors: dict[str, TensorInfo], *, start: int, size: int) -> tuple[Problem, ...]:
    """Whether the tensors fill the data part exactly: no hole, no overlap, nothing missing, nothing behind."""
    infos = list(tensors.values())
    offsets = list(map(attrgetter("data_offsets"), infos))
    lengths = [-length for length in starmap(sub, offsets)]
    bits = [prod(info.shape) * BITS[info.dtype] for info in infos]
    if bits != [8 * length for length in lengths]:
        return _wrong_lengths(tensors)
    places = sorted(offsets)
    starts = [place[0] for place in places]
    ends = [place[1] for place in places]
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
