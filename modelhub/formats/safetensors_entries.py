"""A tensor's entry in a safetensors header, in any form that the reference library takes (0.8.0, measured)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from modelhub.formats.dtypes import BITS
from modelhub.formats.header import TensorInfo, quote_name

MAX_DIMENSIONS = 64
LARGEST_COUNT = (1 << 64) - 1  # as the reference library stores a dimension or an offset


class EntryError(ValueError):
    """An entry that the reference library refuses."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its duplicate keys still there."""


def parse_entry(raw: bytes, *, subject: str) -> tuple[TensorInfo, list[str]]:
    """Return the tensor of an entry that is known to be JSON, and remarks about the entry: sentences about `subject`.

    Raise EntryError for what the reference library refuses.
    """
    return _tensor(json.loads(raw.decode("utf-8"), object_pairs_hook=_Pairs, parse_int=_parse_count), subject)


def _tensor(value: Any, subject: str) -> tuple[TensorInfo, list[str]]:
    """Return a tensor and remarks about its entry. Raise EntryError with what the reference library refuses."""
    remarks: list[str] = []
    if isinstance(value, list) and not isinstance(value, _Pairs) and len(value) == 3:
        dtype, shape, offsets = value
        remarks.append(f"{subject} has a list as its entry; only the safetensors library reads that form.")
    elif isinstance(value, _Pairs):
        dtype, shape, offsets = _fields(value, remarks, subject)
    else:
        raise EntryError(f"{subject}: its entry is not an object.")
    if isinstance(dtype, _Pairs) and len(dtype) == 1 and dtype[0][1] is None:
        dtype = dtype[0][0]
        remarks.append(f"{subject} has an object as its data type; only the safetensors library reads that form.")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise EntryError(f"{subject}: data type {dtype!r:.40} is unknown.")
    if not _is_count_list(shape):
        raise EntryError(f"{subject}: its shape is not a list of numbers that are zero or more.")
    if len(shape) > MAX_DIMENSIONS:
        raise EntryError(f"{subject}: it has {len(shape)} dimensions, which is larger than any model.")
    if not _is_count_list(offsets) or len(offsets) != 2:
        raise EntryError(f"{subject}: data_offsets are not two numbers that are zero or more.")
    return TensorInfo(dtype, tuple(shape), (offsets[0], offsets[1])), remarks


def _fields(value: _Pairs, remarks: list[str], subject: str) -> tuple[Any, Any, Any]:
    counts = Counter(name for name, _ in value)
    fields = dict(value)
    for field in ("dtype", "shape", "data_offsets"):
        if field not in fields:
            raise EntryError(f"{subject}: {field} is missing.")
        if counts[field] > 1:
            raise EntryError(f"{subject}: the name '{field}' appears {counts[field]} times in its entry.")
    dtype, shape, offsets = fields.pop("dtype"), fields.pop("shape"), fields.pop("data_offsets")
    if fields:
        unknown = ", ".join(map(quote_name, list(fields)[:3]))
        remarks.append(f"{subject} has fields that the format does not know: {unknown:.80}.")
    return dtype, shape, offsets


def _is_count_list(value: Any) -> bool:
    return isinstance(value, list) and not isinstance(value, _Pairs) and all(type(n) is int for n in value)


def _parse_count(text: str) -> int | float:
    """Return a count as an integer. The reference library reads other integers (-1, -0, 2**64) as another type."""
    return int(text) if text[0] != "-" and len(text) <= 20 and int(text) <= LARGEST_COUNT else float(text)
