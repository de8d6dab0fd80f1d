"""The calls that torch's pickles make: tensors, parameters, and what else its weights-only list allows (torch 2.13)."""

from __future__ import annotations

import math
from typing import Any

from modelhub.formats.dtypes import BITS
from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles.call_table import Arguments, KnownCall, Rows, first_argument, rows
from modelhub.formats.pickles.placeholders import TORCH_DTYPES, Global, Storage, TensorRef


def _width(storage: Storage, dtype: str) -> int:
    """Return how many elements of a storage one element of torch's type `dtype` takes."""
    bits = {"complex128": 128}.get(dtype) or BITS.get(TORCH_DTYPES.get(dtype, ""), 8)
    return max(1, bits // 8) if storage.dtype == "U8" else 1


def _within(arguments: Arguments) -> bool:
    return kinds.fits_storage(*arguments[:4])


def _fills_storage(arguments: Arguments) -> bool:
    """Return whether a storage holds each element of a tensor: torch allocates the tensor first."""
    return _within(arguments) and math.prod(arguments[2]) <= arguments[0].numel


def _typed_within(arguments: Arguments) -> bool:
    return kinds.fits_storage(*arguments[:4], width=_width(arguments[0], arguments[6].name))


def _tensor(arguments: Arguments) -> TensorRef | None:
    storage, offset, shape, stride = arguments[:4]
    if storage.dtype not in BITS:
        return None
    return TensorRef(storage, storage.dtype, offset, tuple(shape), tuple(stride))


def _typed_tensor(arguments: Arguments) -> TensorRef | None:
    """Read `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, …)`, of untyped storage."""
    ref, dtype = _tensor(arguments), TORCH_DTYPES.get(arguments[6].name)
    return ref._replace(dtype=dtype) if ref is not None and dtype is not None else None


def _is_tensor_function(value: Any) -> bool:
    return isinstance(value, Global) and (value.module == "torch._utils" or value.name == "_rebuild_njt")


def _is_state(value: Any) -> bool:
    return value is None or kinds.is_plain_state(value)


def _is_plain_list(value: Any) -> bool:
    return type(value) is list and all(map(kinds.is_scalar, value))


_TENSOR_PLACE = (kinds.is_storage, kinds.is_count, kinds.is_counts, kinds.is_counts)
_REBUILD = KnownCall(
    forms=(
        _TENSOR_PLACE,
        (*_TENSOR_PLACE, kinds.is_flag, kinds.is_hooks),
        (*_TENSOR_PLACE, kinds.is_flag, kinds.is_hooks, kinds.is_flags),
    ),
    check=_within,
    makes=_tensor,
)
_REBUILD_TYPED = KnownCall(
    forms=(
        (*_TENSOR_PLACE, kinds.is_flag, kinds.is_hooks, kinds.is_dtype),
        (*_TENSOR_PLACE, kinds.is_flag, kinds.is_hooks, kinds.is_dtype, kinds.is_flags),
    ),
    check=_typed_within,
    makes=_typed_tensor,
)
_FROM_TENSOR = (kinds.is_unexpanded_tensor, kinds.is_dtype, kinds.is_device, kinds.is_flag)
_FROM_ARRAY = (kinds.is_numpy_array, kinds.is_dtype, kinds.is_device, kinds.is_flag)
_PARAMETER = KnownCall(forms=((kinds.is_tensor,), (kinds.is_tensor, kinds.is_flag)), makes=first_argument)
ROWS: Rows = (
    rows("torch._utils", "_rebuild_tensor _rebuild_tensor_v2", _REBUILD)
    | rows("torch._utils", "_rebuild_tensor_v3", _REBUILD_TYPED)
    | rows(
        "torch._utils",
        "_rebuild_parameter",
        KnownCall(forms=((kinds.is_tensor, kinds.is_flag, kinds.is_hooks),), makes=first_argument),
    )
    | rows(
        "torch._utils",
        "_rebuild_parameter_with_state",
        KnownCall(forms=((kinds.is_tensor, kinds.is_flag, kinds.is_hooks, _is_state),), makes=first_argument),
    )
    | rows(
        "torch._utils",
        "_rebuild_qtensor",
        KnownCall(forms=((*_TENSOR_PLACE, kinds.is_quantizer, kinds.is_flag, kinds.is_hooks),), check=_fills_storage),
    )
    | rows(
        "torch._utils",
        "_rebuild_sparse_tensor _rebuild_sparse_csr_tensor",
        KnownCall(forms=((kinds.is_layout, kinds.is_tensors),)),
    )
    | rows(
        "torch._utils",
        "_rebuild_meta_tensor_no_storage",
        KnownCall(forms=((kinds.is_dtype, kinds.is_counts, kinds.is_counts, kinds.is_flag),)),
    )
    | rows("torch._utils", "_rebuild_nested_tensor", KnownCall(forms=((kinds.is_unexpanded_tensor,) * 4,)))
    | rows(
        "torch._utils", "_rebuild_device_tensor_from_cpu_tensor", KnownCall(forms=(_FROM_TENSOR,), makes=first_argument)
    )
    | rows("torch._utils", "_rebuild_device_tensor_from_numpy", KnownCall(forms=(_FROM_ARRAY,)))
    | rows(
        "torch._tensor",
        "_rebuild_from_type_v2",
        KnownCall(
            forms=((_is_tensor_function, kinds.is_global, kinds.is_arguments, _is_state),),
            calls_first=True,
        ),
    )
    | rows("torch.nn.parameter", "Parameter Buffer", _PARAMETER)
    | rows("torch", "Size", KnownCall(forms=((kinds.is_counts,),), makes=lambda arguments: tuple(arguments[0])))
    | rows("torch", "device", KnownCall(forms=((kinds.is_device,), (kinds.is_device, kinds.is_count))))
    | rows("torch.serialization", "_get_layout", KnownCall(forms=((kinds.is_text,),)))
    | rows("torch.torch_version", "TorchVersion", KnownCall(forms=((kinds.is_text,),), makes=first_argument))
    | rows(
        "torch.nn.modules.container", "ParameterDict ParameterList", KnownCall(forms=((),), state=kinds.is_plain_state)
    )
    | rows("torch.nested._internal.nested_tensor", "_rebuild_njt", KnownCall(forms=((kinds.is_pairs,),)))
    | rows("torch._dynamo.decorators", "_DimRange", KnownCall(forms=((),), state=_is_plain_list))
)
