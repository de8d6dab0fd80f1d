"""CLIP's `position_ids`: the numbers 0, 1, 2 … that merging tools turn into floats, and then into wrong numbers.

A loader that takes them from the file looks up the wrong position for a word; prompts then lose words silently.
"""

from __future__ import annotations

import struct

_INTEGERS = {"I64": "q", "I32": "i", "I16": "h", "U8": "B", "I8": "b"}
_FLOATS = {"F64": "d", "F32": "f", "F16": "e"}
_REPAIR = "`modelhub convert --repair` rewrites them as integers 0–76"


def position_ids_problem(name: str, dtype: str, data: bytes) -> str | None:
    """Return what is wrong with such a tensor, as a sentence; None when its integers count up from 0."""
    values = _values(dtype, data)
    if values is None:
        return f"{name} is stored as {dtype}, which holds no readable numbers. {_REPAIR}."
    wrong = sum(value != index for index, value in enumerate(values))
    if wrong:
        return f"{name} has {wrong} wrong values of {len(values)}, which changes what prompts mean. {_REPAIR}."
    if dtype not in _INTEGERS:
        return f"{name} is stored as {dtype} instead of whole numbers (the values are right). {_REPAIR}."
    return None


def _values(dtype: str, data: bytes) -> list[float] | None:
    if dtype == "BF16":  # the upper half of an F32
        data = b"".join(b"\0\0" + data[start : start + 2] for start in range(0, len(data), 2))
        dtype = "F32"
    code = _INTEGERS.get(dtype) or _FLOATS.get(dtype)
    if code is None or len(data) % struct.calcsize(f"<{code}"):
        return None
    return [value for (value,) in struct.iter_unpack(f"<{code}", data)]
