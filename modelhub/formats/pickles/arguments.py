"""Kinds of values that calls in real model files take, as predicates over a walk's placeholders.

A loader calls methods of what a call receives (`data.detach()`, `x.keys()`), so an object whose attributes the pickle
may have set is never among them: only plain values, tensors, and names that do nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from modelhub.formats.pickles.placeholders import TORCH_DTYPES, Global, OpaqueObject, SkippedBytes, Storage, TensorRef

Kind = Callable[[Any], bool]


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set, for tables."""
    return frozenset(text.split())


MAX_DIMENSIONS = 64
_MAX_EXPANDED = 1 << 31  # elements of a tensor that repeats its storage
_DEVICE = re.compile(r"[a-z][a-z0-9_]{0,30}(:\d{1,3})?")
_NUMPY_TYPE = re.compile(
    r"[<>=|]?[?bBhHiIlLqQefdgFDGSUVmMcau]\d{0,6}|bool|u?int\d{1,2}|float\d{1,3}|complex\d{2,3}|str"
)
_SCALARS = (str, bytes, int, float, bool, type(None), SkippedBytes)
_TYPE_NAMES = words("str unicode int long float bool list dict tuple set bytes complex object NoneType")
_EMPTY_TYPES = _TYPE_NAMES - words("object NoneType")
_DTYPE_NAMES = TORCH_DTYPES.keys() | words(
    "complex32 complex128 double float half long int short qint8 quint8 qint32 quint4x2 quint2x4 bits8 bits16"
    " float4_e2m1fn_x2 uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7"
)
QUANTIZERS = words(
    "per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric per_channel_affine_float_qparams"
)
_NUMPY_DTYPE = Global("numpy", "dtype")
_NUMPY_ARRAYS = frozenset(
    Global(f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (("multiarray", "_reconstruct"), ("numeric", "_frombuffer"))
)


def made_by(value: Any, *callees: Global) -> bool:
    """Return whether a value is the result of calling one of `callees`."""
    return isinstance(value, OpaqueObject) and value.callee in callees


def is_scalar(value: Any) -> bool:
    """Return whether a value is a number, text, bytes or None."""
    return type(value) in _SCALARS


def is_none(value: Any) -> bool:
    return value is None


def is_global(value: Any) -> bool:
    return isinstance(value, Global)


def is_arguments(value: Any) -> bool:
    return type(value) is tuple


def is_text(value: Any) -> bool:
    return type(value) is str


def is_flag(value: Any) -> bool:
    return type(value) is bool or value in (0, 1)


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def is_integer(value: Any) -> bool:
    return type(value) is int


def is_number(value: Any) -> bool:
    return type(value) in (int, float, bool)


def is_counts(value: Any) -> bool:
    """Return whether a value is a shape or stride."""
    return type(value) in (tuple, list) and len(value) <= MAX_DIMENSIONS and all(map(is_count, value))


def is_sequence(value: Any) -> bool:
    """Return whether a value is a list, tuple or set, whatever it holds."""
    return type(value) in (list, tuple)


def is_bytes(value: Any) -> bool:
    """Return whether a value is bytes; texts of Python 2 are read as such, too."""
    return type(value) in (bytes, SkippedBytes, str)


def is_small_bytes(value: Any) -> bool:
    """Return whether a value is bytes given byte by byte."""
    return type(value) is list and all(type(part) is int for part in value)


def is_latin(value: Any) -> bool:
    """Return whether a value names an encoding that Python reads without importing anything."""
    return type(value) is str and value in ("latin1", "latin-1", "ascii", "utf-8")


def is_storage(value: Any) -> bool:
    return isinstance(value, Storage)


def is_hooks(value: Any) -> bool:
    """Return whether a value is the empty dictionary of hooks that torch writes for each tensor."""
    return value is None or (type(value) is dict and not value)


def is_flags(value: Any) -> bool:
    """Return whether a value is a tensor's metadata, such as `{"conj": True}`."""
    return value is None or (type(value) is dict and all(type(flag) is bool for flag in value.values()))


def is_dtype(value: Any) -> bool:
    return isinstance(value, Global) and value.module == "torch" and value.name in _DTYPE_NAMES


def is_inert_name(value: Any) -> bool:
    """Return whether a global is one of torch's constants or the name of a plain type: calling it does nothing."""
    return isinstance(value, Global) and (
        is_dtype(value)
        or (value.module == "torch" and value.name in QUANTIZERS)
        or (value.module in ("builtins", "__builtin__") and value.name in _TYPE_NAMES)
        or (value.module, value.name) == ("typing", "Any")
    )


def is_device(value: Any) -> bool:
    return (type(value) is str and _DEVICE.fullmatch(value) is not None) or made_by(value, Global("torch", "device"))


def is_layout(value: Any) -> bool:
    return made_by(value, Global("torch.serialization", "_get_layout"))


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor, however it is stored."""
    return isinstance(value, TensorRef) or (
        isinstance(value, OpaqueObject)
        and isinstance(value.callee, Global)
        and value.callee.module in ("torch._utils", "torch._tensor", "torch.nn.parameter")
    )


def is_unexpanded_tensor(value: Any) -> bool:
    """Return whether a value is a tensor with no more elements than its storage: its copy is as small as the file."""
    if isinstance(value, TensorRef):
        return math.prod(value.shape) <= value.storage.numel
    return is_tensor(value)


def is_tensors(value: Any) -> bool:
    """Return whether a value is a sparse tensor's data: tensors, sizes and flags."""
    return type(value) is tuple and all(
        is_unexpanded_tensor(part) or is_counts(part) or is_scalar(part) for part in value
    )


def is_quantizer(value: Any) -> bool:
    """Return whether a value is a quantized tensor's scheme with its scales and zero points."""
    if type(value) is not tuple or len(value) not in (3, 4) or not isinstance(value[0], Global):
        return False
    return value[0].module == "torch" and value[0].name in QUANTIZERS and all(map(_is_scale, value[1:]))


def _is_scale(value: Any) -> bool:
    return is_unexpanded_tensor(value) or is_number(value) or (type(value) is list and all(map(is_number, value)))


def is_numpy_dtype(value: Any) -> bool:
    return made_by(value, _NUMPY_DTYPE)


def is_numpy_type(value: Any) -> bool:
    """Return whether a text names a data type of numbers or texts; `O` would be one of Python objects."""
    return type(value) is str and _NUMPY_TYPE.fullmatch(value) is not None


def is_numpy_array(value: Any) -> bool:
    return isinstance(value, OpaqueObject) and value.callee in _NUMPY_ARRAYS


def is_pairs(value: Any) -> bool:
    """Return whether a value is a dictionary, or a list of pairs with plain keys."""
    if type(value) is dict:
        return True
    return type(value) in (list, tuple) and all(type(pair) in (list, tuple) and len(pair) == 2 for pair in value)


def is_counter(value: Any) -> bool:
    return type(value) is dict and all(map(is_number, value.values()))


def is_plain_type(value: Any) -> bool:
    """Return whether a value is a type whose call without arguments gives an empty value, or None."""
    return value is None or (
        isinstance(value, Global)
        and (
            (value.module in ("builtins", "__builtin__") and value.name in _EMPTY_TYPES)
            or (value.module, value.name) == ("collections", "OrderedDict")
        )
    )


def fits_storage(storage: Any, offset: Any, shape: Any, stride: Any, *, width: int = 1) -> bool:
    """Return whether a tensor is within its storage; torch would enlarge the storage, however large the tensor.

    `width`: elements of the storage that one element of the tensor takes.
    """
    if not (is_storage(storage) and is_count(offset) and is_counts(shape) and is_counts(stride)):
        return False
    if len(shape) != len(stride):
        return False
    if 0 in shape:
        return True
    last: int = sum((length - 1) * step for length, step in zip(shape, stride, strict=True))
    elements = math.prod(shape)
    within: bool = (offset + last + 1) * width <= storage.numel
    return within and elements * width <= max(storage.numel, _MAX_EXPANDED)


def is_plain_state(value: Any) -> bool:
    """Return whether a value is a dictionary of attributes that hold data only: no functions, no special names.

    A second dictionary, of slots, is not one: Python sets those through the object's own methods.
    """
    return type(value) is dict and all(
        type(name) is str and not name.startswith("__") and _is_data(attribute) for name, attribute in value.items()
    )


def _is_data(value: Any) -> bool:
    if type(value) is dict:
        return not any(isinstance(part, Global) and not is_inert_name(part) for part in value.values())
    return not isinstance(value, Global) or is_inert_name(value)
