"""The exact reader of a safetensors header: slower than the fast one, and able to name what is wrong with any bytes."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from modelhub.formats.dtypes import BITS
from modelhub.formats.header import Problem, TensorInfo

MAX_TENSORS = 400_000  # a header of 100 MB could name more; no model does, and memory must stay bounded
MAX_DIMENSIONS = 64
_SHOWN = 8

ParsedHeader = tuple[dict[str, TensorInfo], dict[str, str], tuple[Problem, ...]]


class _HeaderError(Exception):
    """A reason why a header is not a readable JSON object, as a sentence."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its duplicate keys still there."""


def parse_exactly(raw: bytes) -> ParsedHeader:
    """Return tensors, metadata and every problem of a header; never raise for its content."""
    try:
        document = _decode(raw)
    except _HeaderError as exc:
        return {}, {}, (Problem(str(exc), fatal=True),)
    problems = [*_duplicate_problems(document, "the header")]
    tensors: dict[str, TensorInfo] = {}
    metadata: dict[str, str] = {}
    for name, value in document:
        if name == "__metadata__":
            metadata, found = _metadata(value)
        else:
            tensor, found = _tensor(name, value)
            if tensor is not None:
                tensors[name] = tensor
        problems += found
    return tensors, metadata, tuple(problems[: 4 * _SHOWN])


def _decode(raw: bytes) -> _Pairs:
    if raw.count(b'"dtype"') > MAX_TENSORS:
        raise _HeaderError(f"The header names more than {MAX_TENSORS} tensors, more than any model has.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _HeaderError(f"The header is not UTF-8 text (byte {exc.start}).") from exc
    if text.startswith("\ufeff"):
        raise _HeaderError("The header begins with a byte-order mark.")
    try:
        document = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise _HeaderError("The header is nested deeper than any real one.") from exc
    except ValueError as exc:  # wrong JSON, or an integer of more digits than Python converts
        raise _HeaderError(f"The header is not valid JSON: {exc}.") from exc
    if not isinstance(document, _Pairs):
        raise _HeaderError("The header is JSON, but not an object.")
    return document


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _duplicate_problems(pairs: _Pairs, where: str) -> list[Problem]:
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    return [
        Problem(f"The name {name!r} appears {counts[name]} times in {where}.", fatal=True) for name in twice[:_SHOWN]
    ]


def _metadata(value: Any) -> tuple[dict[str, str], list[Problem]]:
    if not isinstance(value, _Pairs):
        return {}, [Problem("The field `__metadata__` is not an object of texts.", fatal=True)]
    problems = _duplicate_problems(value, "`__metadata__`")
    wrong = [name for name, text in value if not isinstance(text, str)]
    problems += [Problem(f"Metadata {name!r} is not a text.", fatal=True) for name in wrong[:_SHOWN]]
    return {name: text for name, text in value if isinstance(text, str)}, problems


def _tensor(name: str, value: Any) -> tuple[TensorInfo | None, list[Problem]]:
    def bad(reason: str) -> tuple[None, list[Problem]]:
        return None, [Problem(f"Tensor {name!r}: {reason}.", fatal=True)]

    if not isinstance(value, _Pairs):
        return bad("its entry is not an object")
    problems = _duplicate_problems(value, f"the entry of tensor {name!r}")
    fields = dict(value)
    missing = [field for field in ("dtype", "shape", "data_offsets") if field not in fields]
    if missing:
        return bad(f"{missing[0]} is missing")
    dtype, shape, offsets = fields.pop("dtype"), fields.pop("shape"), fields.pop("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        return bad(f"data type {dtype!r:.40} is unknown")
    if not _is_count_list(shape):
        return bad("its shape is not a list of numbers that are zero or more")
    if len(shape) > MAX_DIMENSIONS:
        return bad(f"it has {len(shape)} dimensions")
    if not _is_count_list(offsets) or len(offsets) != 2:
        return bad("data_offsets are not two numbers that are zero or more")
    if offsets[1] < offsets[0]:
        return bad("it ends before it begins")
    if fields:
        problems.append(Problem(f"Tensor {name!r} has fields that the format does not know: {', '.join(fields):.80}."))
    if not name.isprintable() or any("\ud800" <= c <= "\udfff" for c in name):
        problems.append(Problem(f"The tensor name {name!r:.80} has characters that no name should have."))
    return TensorInfo(dtype, tuple(shape), (offsets[0], offsets[1])), problems


def _is_count_list(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)
