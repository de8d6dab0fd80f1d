"""The precision of the weights: the number format of the main network's larger share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod

from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.detect.rules.key_dialects import split_prefix
from modelhub.formats.header import TensorInfo

NAMES = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "F8_E4M3": "fp8",
    "F8_E5M2": "fp8",
    "F8_E4M3FNUZ": "fp8",
    "F8_E5M2FNUZ": "fp8",
    "F8_E8M0": "fp8",
    "F4": "fp4",
    "I8": "int8",
    "U8": "int8",
}
# Counters, scalars and indices are not weights.
_NOT_WEIGHTS = frozenset({"I64", "I32", "I16", "U16", "U32", "U64", "BOOL"})
_CLEAR_SHARE = 0.6


def precision_of(index: HeaderIndex) -> tuple[str | None, str]:
    """Return the precision and the reason; "mixed" when no format has a clear majority of the main network."""
    tensors = index.header.tensors
    kinds = {t.dtype for t in tensors.values()} - _NOT_WEIGHTS
    if not kinds:
        return None, ""
    quantized = _quantized_by(index) if "U8" in kinds else None
    if quantized:
        return quantized
    if len(kinds) == 1:
        kind = next(iter(kinds))
        return _name(kind), f"all weights are {kind}"
    return _by_share(tensors, main_only=bool(index.groups & {"net"}))


def _quantized_by(index: HeaderIndex) -> tuple[str, str] | None:
    for key in index.header.tensors:
        if ".quant_state.bitsandbytes__" in key:
            return key.rpartition("bitsandbytes__")[2], "bitsandbytes quantization state"
    return None


def _name(kind: str) -> str:
    return NAMES.get(kind, kind.lower())


def _by_share(tensors: Mapping[str, TensorInfo], *, main_only: bool) -> tuple[str | None, str]:
    counts: Counter[str] = Counter()
    for key, tensor in tensors.items():
        if tensor.dtype in _NOT_WEIGHTS or (main_only and split_prefix(key)[0] not in ("", "net")):
            continue
        counts[tensor.dtype] += prod(tensor.shape)
    total = sum(counts.values())
    if not total:
        return None, ""
    names: Counter[str] = Counter()
    for kind, count in counts.items():
        names[_name(kind)] += count
    name, count = names.most_common(1)[0]
    shares = ", ".join(f"{n} {c / total:.0%}" for n, c in names.most_common(4))
    if count / total < _CLEAR_SHARE:
        return "mixed", f"share of weights: {shares}"
    return name, f"larger share of weights: {shares}"
