"""A check of floating-point values in raw bytes for NaN and infinity, by their bits and in bulk.

A value is NaN or infinite when all bits of its exponent are set (of an F8_E4M3 value: all bits but the sign). Sorted as
unsigned integers such values come last among the negative ones, as signed integers last among the positive ones, so
that two maxima decide. Without numpy the top bytes are compared through a translation table.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from modelhub.detect.weights import arrays


@dataclass(frozen=True, slots=True)
class _Bits:
    """The bits of the top byte and of the one below it that are all set in NaN and infinity; `width` in bytes."""

    width: int
    top: int
    below: int = 0


FLOATS = {
    "F64": _Bits(8, 0x7F, 0xF0),
    "F32": _Bits(4, 0x7F, 0x80),
    "F16": _Bits(2, 0x7C),
    "BF16": _Bits(2, 0x7F, 0x80),
    "F8_E5M2": _Bits(1, 0x7C),
    "F8_E4M3": _Bits(1, 0x7F),
}


def all_finite(data: memoryview, dtype: str) -> bool:
    """Return whether no little-endian value of `dtype` (a key of FLOATS) in `data` is NaN or infinite."""
    bits = FLOATS[dtype]
    numpy = arrays.numpy_or_none()
    if numpy is None:
        return _all_finite_in_bytes(bytes(data), bits)
    positive = bits.top << 8 * (bits.width - 1)
    if bits.below:
        positive |= bits.below << 8 * (bits.width - 2)
    negative = positive | 0x80 << 8 * (bits.width - 1)
    signed = numpy.frombuffer(data, f"<i{bits.width}")
    unsigned = numpy.frombuffer(data, f"<u{bits.width}")
    return int(signed.max()) < positive and int(unsigned.max()) < negative


@functools.lru_cache(maxsize=8)
def _mask_table(mask: int) -> bytes:
    """Return a table that turns a byte with all bits of `mask` into 1, others into 0."""
    return bytes(int(byte & mask == mask) for byte in range(256))


def _all_finite_in_bytes(data: bytes, bits: _Bits) -> bool:
    top = data[bits.width - 1 :: bits.width].translate(_mask_table(bits.top))
    if b"\x01" not in top:
        return True
    if not bits.below:
        return False
    below = data[bits.width - 2 :: bits.width].translate(_mask_table(bits.below))
    # As one long number each: a bit that both have is a value that has both.
    return int.from_bytes(top, "little") & int.from_bytes(below, "little") == 0
