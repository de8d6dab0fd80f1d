"""Placeholders that a symbolic walk over a pickle makes instead of real objects: plain values without behavior.

Every walk makes new ones, so that nothing that a hostile file does to one can affect the next file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from modelhub.formats.dtypes import BITS

_STORAGE_BITS = BITS | {"C128": 128}  # torch has this type, safetensors does not


class WalkError(Exception):
    """A reason why a pickle cannot be followed any further, as a sentence ("A MARK is missing.")."""


class LimitError(WalkError):
    """The walk ends at a limit of its own, beyond which a loader may go on."""


class TruncatedError(WalkError):
    """The pickle goes on beyond the end of the file."""

    def __init__(self) -> None:
        super().__init__("The rest is missing.")


class Global(NamedTuple):
    """A (module, name) pair that a loader would import."""

    module: str
    name: str


class SkippedBytes(NamedTuple):
    """Bytes too long to keep; `length` in bytes."""

    length: int


class Storage(NamedTuple):
    """A tensor's storage: its key in the archive, its data type, its number of elements."""

    key: str
    dtype: str
    numel: int

    @property
    def length(self) -> int:
        """Length of its data in bytes."""
        return self.numel * _STORAGE_BITS[self.dtype] // 8


class TensorRef(NamedTuple):
    """A tensor as a view of a storage; offset and stride in elements."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class OpaqueObject:
    """The placeholder for the result of a call: the callee, its arguments, and the state that BUILD would set."""

    __slots__ = ("arguments", "callee", "held", "state")

    def __init__(self, callee: Any, arguments: Any) -> None:
        self.callee = callee
        self.arguments = arguments
        self.state: Any = None
        self.held: dict[Any, Any] | None = None

    @property
    def items(self) -> dict[Any, Any]:
        """Items that SETITEM gave it."""
        return self.held or {}


class ReplacedKey(NamedTuple):
    """The placeholder for an unsafe dictionary key; numbered so that two keys stay different."""

    number: int


STORAGE_DTYPES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64",
    "ComplexDoubleStorage": "C128",
    "QInt8Storage": "I8",
    "QUInt8Storage": "U8",
    "QInt32Storage": "I32",
    "QUInt4x2Storage": "U8",
    "QUInt2x4Storage": "U8",
    "UntypedStorage": "U8",
    "TypedStorage": "U8",
    "Float8_e4m3fnStorage": "F8_E4M3",
    "Float8_e5m2Storage": "F8_E5M2",
}
TORCH_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
