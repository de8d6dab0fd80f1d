"""Write safetensors files."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from modelhub.testing.files.tensors import Tensors, values


def write(
    path: Path, tensors: Tensors, *, metadata: Mapping[str, str] | None = None, seed: int = 0, sparse: bool = False
) -> Path:
    """Write a file with seeded random values, or `sparse`: its data a hole of the true size.

    What a tensor states as its own content is always written. Returns the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    header = header_bytes(tensors, metadata)
    with path.open("wb") as file:
        file.write(header)
        if sparse:
            _put_contents(file, tensors)
            file.truncate(len(header) + sum(tensor.size for tensor in tensors.values()))
        else:
            file.writelines(values(tensor, rng) for tensor in tensors.values())
    return path


def _put_contents(file: BinaryIO, tensors: Tensors) -> None:
    position = file.tell()
    for tensor in tensors.values():
        if tensor.content is not None:
            file.seek(position)
            file.write(tensor.content)
        position += tensor.size


def header_bytes(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return length and JSON of a header whose tensors follow one another, padded with blanks to 8 bytes."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, tensor in tensors.items():
        end = position + tensor.size
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text
