"""GGUF: a bounded reader of names, shapes, types and plain metadata. Source: GGUF specification, versions 2 and 3."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from modelhub.domain import Format
from modelhub.formats.foreign.chat_templates import template_findings
from modelhub.formats.header import Header, PickleScan, Problem, TensorInfo

MAGIC = b"GGUF"
_MAX_TENSORS = 400_000
_MAX_PAIRS = 100_000
_MAX_STRING = 1 << 24  # bytes; longer ones are refused
_MAX_ARRAY = 1 << 24  # elements
_MAX_DIMENSIONS = 8
_TEMPLATE = "tokenizer.chat_template"  # and `tokenizer.chat_template.NAME` for further ones
_KEPT = 4096  # characters of a metadata text that are kept
_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0",
}  # fmt: skip
# Value type → struct format; 8 is a string, 9 an array.
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


class _GgufError(Exception):
    """The header cannot be followed."""


def read(path: Path) -> Header:
    """Read the header of a GGUF file, with problems where it is broken. Raise OSError when it cannot be read."""
    size = path.stat().st_size
    tensors: dict[str, TensorInfo] = {}
    metadata: dict[str, str] = {}
    start = None
    problems: list[Problem] = []
    findings: list[tuple[str, str]] = []
    with path.open("rb") as file:
        try:
            start = _read(file, size, tensors, metadata, findings)
        except (_GgufError, struct.error, UnicodeDecodeError, RecursionError) as exc:
            problems.append(Problem(f"The GGUF header is damaged. {exc}", fatal=True))
    return Header(
        format=Format.GGUF,
        size=size,
        tensors=tensors,
        metadata=metadata,
        pickle=PickleScan(findings=tuple(findings)) if findings else None,
        problems=tuple(problems),
        data_start=start,
    )


def _read(
    file: BinaryIO,
    size: int,
    tensors: dict[str, TensorInfo],
    metadata: dict[str, str],
    findings: list[tuple[str, str]],
) -> int:
    take = _bounded_reader(file, size)
    if take(4) != MAGIC:
        raise _GgufError("It does not begin with GGUF.")
    version, count, pairs = struct.unpack("<IQQ", take(20))
    if version not in (2, 3):
        raise _GgufError(f"Version {version} is not known.")
    if count > _MAX_TENSORS or pairs > _MAX_PAIRS:
        raise _GgufError(f"It claims {count} tensors and {pairs} metadata values.")
    for _ in range(pairs):
        name = _string(take)
        text = str(_value(take, struct.unpack("<I", take(4))[0], 0))
        metadata[name] = text[:_KEPT]
        if name.startswith(_TEMPLATE):
            findings += template_findings(text, name)
    for _ in range(count):
        name = _string(take)
        dimensions = struct.unpack("<I", take(4))[0]
        if dimensions > _MAX_DIMENSIONS:
            raise _GgufError(f"Tensor {name!r} has {dimensions} dimensions.")
        shape = struct.unpack(f"<{dimensions}Q", take(8 * dimensions))
        kind, _offset = struct.unpack("<IQ", take(12))
        # GGUF counts dimensions from the innermost; all other formats from the outermost.
        tensors[name] = TensorInfo(_TYPES.get(kind, f"type {kind}"), tuple(reversed(shape)))
    return file.tell()


def _bounded_reader(file: BinaryIO, size: int) -> Callable[[int], bytes]:
    def take(count: int) -> bytes:
        data = file.read(count) if count <= size else b""
        if len(data) != count:
            raise _GgufError(f"The file ends after {size} bytes.")
        return data

    return take


def _string(take: Callable[[int], bytes]) -> str:
    length = struct.unpack("<Q", take(8))[0]
    if length > _MAX_STRING:
        raise _GgufError(f"It claims a text of {length} bytes.")
    return take(length).decode("utf-8", "replace")


def _value(take: Callable[[int], bytes], kind: int, depth: int) -> Any:
    if kind in _SCALARS:
        return struct.unpack(_SCALARS[kind], take(struct.calcsize(_SCALARS[kind])))[0]
    if kind == _STRING:
        return _string(take)
    if kind == _ARRAY and depth < 3:
        inner, length = struct.unpack("<IQ", take(12))
        if length > _MAX_ARRAY:
            raise _GgufError(f"It claims an array of {length} values.")
        if inner in _SCALARS:
            take(length * struct.calcsize(_SCALARS[inner]))
        else:
            for _ in range(length):
                _value(take, inner, depth + 1)
        return f"[{length} values]"
    raise _GgufError(f"It has a value of the unknown type {kind}.")
