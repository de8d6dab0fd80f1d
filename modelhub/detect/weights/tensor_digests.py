"""One tensor's digests, computed while its bytes are read, in blocks that may begin and end anywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from modelhub.detect.weights import arrays

if TYPE_CHECKING:
    from modelhub.detect.weights.canonical_names import CanonicalName

_FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_ROUNDED_WITH_NUMPY = ("F64", "F32", "BF16")
_TRANSPOSE_MAX = 64 << 20  # bytes; the one tensor that is transposed has at most 7 MB


class TensorDigest:
    """The digests of one tensor, or of one part of a tensor that other layouts keep as several, while it is read."""

    __slots__ = (
        "_buffer", "_carry", "_half", "_raw", "_shape", "_signs", "_width",
        "component", "dtype", "end", "label", "start",
    )  # fmt: skip

    def __init__(
        self, dtype: str, place: CanonicalName, name: str, shape: tuple[int, ...], offset: int, length: int
    ) -> None:
        self.component, self.dtype, self._shape = place.component, dtype, shape
        self.start, self.end = offset, offset + length
        self._width = _FLOATS.get(dtype, 0)
        turn = place.transposed and len(shape) == 2 and length <= _TRANSPOSE_MAX
        turn = turn and 0 < math.prod(shape) * self._width == length
        self._buffer: bytearray | None = bytearray() if turn else None
        self.label = f"{name}\0{_plain_shape(shape, turned=turn)}\0".encode()
        self._carry = b""
        # Hashers while the tensor is open (they weigh 2 KB each), digests afterwards.
        self._raw: Any = None
        self._half: Any = None
        self._signs: Any = None

    def feed(self, data: memoryview) -> None:
        if self._raw is None:
            self._start()
        if self._buffer is None:
            self._take(data)
            return
        self._buffer += data
        if len(self._buffer) == self.end - self.start:
            self._take(memoryview(arrays.transposed(self._buffer, self._shape, self._width)))
            self._buffer = None

    def finish(self) -> None:
        """Keep the digests only."""
        if self._raw is None:
            self._start()
        self._raw = self._raw.digest()
        self._half = self._half and self._half.digest()
        self._signs = self._signs and self._signs.digest()

    def _start(self) -> None:
        self._raw = blake3()
        if self.dtype in _ROUNDED_WITH_NUMPY and arrays.numpy_or_none() is not None:
            self._half = blake3()
        if self._width:
            self._signs = blake3()

    def _take(self, data: memoryview) -> None:
        self._raw.update(data)
        if self._signs is None:
            return
        # A block of the stream may end within a value.
        if self._carry:
            data = memoryview(self._carry + bytes(data))
        whole = len(data) - len(data) % self._width
        self._carry = bytes(data[whole:])
        if whole:
            self._signs.update(arrays.sign_bytes(data[:whole], self._width))
            if self._half is not None:
                self._half.update(arrays.as_half(data[:whole], self.dtype))

    def exact(self) -> bytes:
        return _labelled(self.label + self.dtype.encode() + b"\0", self._raw)

    def rounded(self) -> bytes | None:
        if self._half is not None:
            return _labelled(self.label, self._half)
        if self.dtype == "F16":
            return _labelled(self.label, self._raw)
        return None if self.dtype in _ROUNDED_WITH_NUMPY else self.exact()

    def signs(self) -> bytes:
        return self.exact() if self._signs is None else _labelled(self.label, self._signs)


def _labelled(label: bytes, digest: bytes) -> bytes:
    return bytes(blake3(label + digest).digest())


def _plain_shape(shape: tuple[int, ...], *, turned: bool) -> str:
    """Return the shape without ones at its end: convolutions of size one and linear layers are stored either way."""
    sizes = list(reversed(shape) if turned else shape)
    while sizes and sizes[-1] == 1:
        sizes.pop()
    return ",".join(map(str, sizes))
