"""Tensors of made files, and their seeded random values."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1}
"""Bytes of one element, by safetensors' names of types."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Type (as safetensors spells it), shape, and the bytes where they are not random."""

    dtype: str
    shape: tuple[int, ...]
    content: bytes | None = None

    @property
    def elements(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.elements * SIZES[self.dtype]


Tensors = Mapping[str, Tensor]

# The byte that holds a float's sign and most of its exponent: the sign stays, the exponent is that of values between
# 0.007 and 0.07. So no number is zero, infinite or NaN, and all of them would do as weights.
_FP32_TOP = bytes((byte & 0x80) | 0x3C for byte in range(256))
_FP16_TOP = bytes((byte & 0x83) | 0x28 for byte in range(256))
_TOPS = {"F32": (4, _FP32_TOP), "BF16": (2, _FP32_TOP), "F16": (2, _FP16_TOP)}


def values(tensor: Tensor, rng: random.Random) -> bytes:
    """Return the tensor's own bytes, or random finite numbers."""
    if tensor.content is not None:
        return tensor.content
    raw = bytearray(rng.randbytes(tensor.size))
    if tensor.dtype not in _TOPS:
        return bytes(tensor.size)
    width, table = _TOPS[tensor.dtype]
    raw[width - 1 :: width] = raw[width - 1 :: width].translate(table)
    return bytes(raw)


def cast(tensors: Tensors, dtype: str, *, when: Callable[[str], bool] = lambda _: True) -> dict[str, Tensor]:
    """Return the same tensors with the floats among them in another precision (those whose name `when` accepts)."""
    return {
        name: Tensor(dtype, one.shape) if one.dtype in _TOPS and one.content is None and when(name) else one
        for name, one in tensors.items()
    }


def prefixed(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """Return the same tensors with a prefix to every name."""
    return {prefix + name: tensor for name, tensor in tensors.items()}
