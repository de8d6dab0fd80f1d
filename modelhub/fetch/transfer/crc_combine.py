"""CRC32 of a whole from the CRC32s of its parts: zlib's crc32_combine, which Python does not offer.

A CRC is a remainder of polynomials over two elements: that of A followed by B is crc(A)·x^(8·len(B)) + crc(B), modulo
the polynomial 0xEDB88320 (bits reversed), as in zlib's crc32.c.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31  # the polynomial 1, bits reversed
_X8 = 1 << 23  # x^8: one byte further


def combine_crc32(parts: Iterable[tuple[int, int]]) -> int:
    """Return the CRC32 of the whole, given (length, CRC32) of each part in order."""
    whole = 0
    for length, crc in parts:
        whole = _times(whole, _shift(length)) ^ crc
    return whole


@lru_cache(maxsize=16)
def _shift(length: int) -> int:
    """Return the polynomial x^(8·length)."""
    found, square = _ONE, _X8
    while length:
        if length & 1:
            found = _times(found, square)
        square = _times(square, square)
        length >>= 1
    return found


def _times(a: int, b: int) -> int:
    product = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product
