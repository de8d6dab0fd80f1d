"""The few calls in real model files whose results matter: tensors, parameters, ordered dictionaries, numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelhub.formats.pickles.placeholders import STORAGE_DTYPES, TORCH_DTYPES, Global, OpaqueObject, Storage, TensorRef

_MAX_DIMENSIONS = 64


def storage_from_id(identity: Any) -> Any:
    """Return torch's ("storage", type, key, device, elements) as a Storage, any other id as a placeholder."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        return OpaqueObject(Global("", "persistent id"), identity)
    kind, key, numel = identity[1], identity[2], identity[4]
    dtype = STORAGE_DTYPES.get(kind.name) if isinstance(kind, Global) else None
    if dtype is None or not isinstance(key, (str, int)) or not _is_count(numel):
        return OpaqueObject(Global("", "persistent id"), identity)
    return Storage(str(key), dtype, numel)


def call_result(callee: Any, arguments: Any) -> Any:
    """Return the result of calling `callee`: a known kind of value, else a placeholder."""
    if isinstance(callee, Global) and isinstance(arguments, tuple):
        builder = _BUILDERS.get(callee)
        result = builder(arguments) if builder else None
        if result is not None:
            return result
    return OpaqueObject(callee, arguments)


def _rebuild_tensor(arguments: tuple[Any, ...]) -> TensorRef | None:
    if len(arguments) < 4:
        return None
    storage, offset, shape, stride = arguments[:4]
    if (
        not isinstance(storage, Storage)
        or not _is_count(offset)
        or not _is_count_list(shape)
        or not _is_count_list(stride)
    ):
        return None
    if len(shape) != len(stride):
        return None
    return TensorRef(storage, storage.dtype, offset, tuple(shape), tuple(stride))


def _rebuild_typed_tensor(arguments: tuple[Any, ...]) -> TensorRef | None:
    """Read `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, …)`, of untyped storage."""
    ref = _rebuild_tensor(arguments)
    kind = arguments[6] if len(arguments) > 6 else None
    if ref is None or not isinstance(kind, Global) or kind.name not in TORCH_DTYPES:
        return None
    return ref._replace(dtype=TORCH_DTYPES[kind.name])


def _first_tensor(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments and isinstance(arguments[0], TensorRef) else None


def _rebuild_from_type(arguments: tuple[Any, ...]) -> Any:
    """Read `_rebuild_from_type_v2(function, type, arguments, state)`: a subclass, or a tensor with attributes."""
    if len(arguments) < 3 or not isinstance(arguments[2], tuple):
        return None
    result = call_result(arguments[0], arguments[2])
    return result if isinstance(result, TensorRef) else None


def _ordered_dict(arguments: tuple[Any, ...]) -> Any:
    """Read `OrderedDict()` and `OrderedDict([[key, value], …])`."""
    if not arguments:
        return {}
    found: dict[Any, Any] = {}
    if len(arguments) == 1 and isinstance(arguments[0], list):
        for pair in arguments[0]:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], (str, int)):
                return None
            found[pair[0]] = pair[1]
        return found
    return None


def _encode_latin1(arguments: tuple[Any, ...]) -> Any:
    """Read `_codecs.encode(text, "latin1")`, the form of bytes in protocol 2."""
    if arguments and isinstance(arguments[0], str):
        try:
            return arguments[0].encode("latin1")
        except UnicodeEncodeError:
            return None
    return None


def _torch_size(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], tuple) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _is_count_list(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) <= _MAX_DIMENSIONS and all(_is_count(n) for n in value)


_BUILDERS: Mapping[Global, Callable[[tuple[Any, ...]], Any]] = {
    Global("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v3"): _rebuild_typed_tensor,
    Global("torch._utils", "_rebuild_parameter"): _first_tensor,
    Global("torch._utils", "_rebuild_parameter_with_state"): _first_tensor,
    Global("torch._tensor", "_rebuild_from_type_v2"): _rebuild_from_type,
    Global("collections", "OrderedDict"): _ordered_dict,
    Global("_codecs", "encode"): _encode_latin1,
    Global("torch", "Size"): _torch_size,
}
