"""Operations on many numbers at once, with numpy where it is installed; the base installation does not need it."""

from __future__ import annotations

import functools
from array import array
from types import ModuleType
from typing import Any

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_SIGN_OF_BYTE = bytes(128) + bytes([1]) * 128


@functools.lru_cache(maxsize=1)
def numpy_or_none() -> ModuleType | None:
    """Import numpy at the first call; return None where it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def sign_bytes(data: memoryview, width: int) -> bytes | memoryview:
    """Return one byte per little-endian value of `width` bytes: 1 where its sign bit is set, else 0."""
    numpy = numpy_or_none()
    if numpy is None:
        return bytes(data)[width - 1 :: width].translate(_SIGN_OF_BYTE)
    return memoryview(numpy.frombuffer(data, f"<i{width}") < 0).cast("B")


def as_half(data: memoryview, dtype: str) -> memoryview:
    """Convert F64, F32 or BF16 values to fp16, rounded to nearest even; needs numpy."""
    numpy: Any = numpy_or_none()
    if dtype == "F64":
        with numpy.errstate(all="ignore"):  # too large becomes infinite, as in every conversion
            return memoryview(numpy.frombuffer(data, "<f8").astype("<f2")).cast("B")
    if dtype == "BF16":
        # Every index is in range; "wrap" is the mode that does not check it.
        return memoryview(_halves_of_bfloats().take(numpy.frombuffer(data, "<u2"), mode="wrap")).cast("B")
    return memoryview(_half_of_single(numpy.frombuffer(data, "<u4"), numpy)).cast("B")


@functools.lru_cache(maxsize=1)
def _halves_of_bfloats() -> Any:
    """Return the fp16 bits of every bf16 value: a look-up is ten times as fast as the computation."""
    numpy: Any = numpy_or_none()
    return _half_of_single(numpy.arange(65536, dtype="<u4") << 16, numpy)


def _half_of_single(bits: Any, numpy: Any) -> Any:
    """Convert fp32 bits to fp16 bits by integer arithmetic.

    numpy's own conversion gives the same, but raises the processor's flags for each value that overflows or becomes
    subnormal, and is then forty times slower: a file of such values would take minutes.
    """
    magnitude = bits & 0x7FFFFFFF
    half = magnitude >> 13
    half &= 1
    half += 0xC8000FFF  # half a step less one, and the exponent's bias of 127 turned into 15
    half += magnitude
    half >>= 13
    small = magnitude < 0x38800000
    if small.any():
        # Adding 0.5 leaves a sum whose last bit is fp16's smallest step: the processor does the rounding.
        rounded = (magnitude[small].view("<f4") + numpy.float32(0.5)).view("<u4")
        half[small] = rounded - numpy.uint32(0x3F000000)
    if len(magnitude) and int(magnitude.max()) >= 0x47800000:
        half[magnitude >= 0x47800000] = 0x7C00
        half[magnitude > 0x7F800000] = 0x7E00
    half |= (bits >> 16) & 0x8000
    return half.astype("<u2")


def transposed(data: bytearray, shape: tuple[int, ...], width: int) -> bytes:
    """Transpose a matrix of `shape` with values of `width` bytes."""
    values = array(_CODES[width], bytes(data))
    return b"".join(values[column :: shape[1]].tobytes() for column in range(shape[1]))
