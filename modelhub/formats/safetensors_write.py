"""A writer of safetensors files as a stream: the header first, then each tensor's bytes as they come."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelhub.formats.dtypes import BITS


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """The header entry of a tensor that will be written."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """The tensor's length in bytes."""
        return math.prod(self.shape) * BITS[self.dtype] // 8


def sort_tensors(tensors: Iterable[TensorEntry]) -> list[TensorEntry]:
    """Sort as the reference library does, which keeps every tensor aligned: wider types first, then by name."""
    return sorted(tensors, key=lambda tensor: (-BITS[tensor.dtype], tensor.name))


def encode_header(tensors: Iterable[TensorEntry], metadata: Mapping[str, str]) -> bytes:
    """Return length and JSON of a header for `tensors` in the given order, padded so that the data begins aligned."""
    document: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for tensor in tensors:
        end = position + tensor.length
        document[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def encode_file(
    tensors: Iterable[tuple[TensorEntry, Iterable[bytes]]], metadata: Mapping[str, str], order: Iterable[TensorEntry]
) -> Iterator[bytes]:
    """Yield the bytes of the whole file. Raise ValueError when a tensor's bytes are not as many as its entry states."""
    yield encode_header(order, metadata)
    for tensor, chunks in tensors:
        written = 0
        for chunk in chunks:
            written += len(chunk)
            yield chunk
        if written != tensor.length:
            raise ValueError(f"tensor {tensor.name!r} brought {written} bytes instead of {tensor.length}")
