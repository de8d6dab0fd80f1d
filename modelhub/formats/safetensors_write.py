"""Writing safetensors as a stream: the header first, then each tensor's bytes as they come."""

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
    """One tensor to be written: what its header entry says."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * BITS[self.dtype] // 8


def sort_tensors(tensors: Iterable[TensorEntry]) -> list[TensorEntry]:
    """The order of the reference library, which keeps every tensor aligned: wider types first, then by name."""
    return sorted(tensors, key=lambda tensor: (-BITS[tensor.dtype], tensor.name))


def encode_header(tensors: Iterable[TensorEntry], metadata: Mapping[str, str]) -> bytes:
    """The length and JSON of a header for `tensors` in the given order; padded so that the data begins aligned."""
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
    """The whole file's bytes; every tensor must bring exactly the bytes that its header entry states."""
    yield encode_header(order, metadata)
    for tensor, chunks in tensors:
        written = 0
        for chunk in chunks:
            written += len(chunk)
            yield chunk
        if written != tensor.length:
            raise ValueError(f"tensor {tensor.name!r} brought {written} bytes instead of {tensor.length}")
