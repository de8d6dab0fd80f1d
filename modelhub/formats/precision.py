"""Conversion of tensor bytes between precisions, bit for bit as torch does it, with numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelhub.errors import ModelhubError, Remedy

if TYPE_CHECKING:
    import numpy as np

FLOATS = ("F64", "F32", "F16", "BF16")
# The words of `--precision` and the data type that each means.
PRECISIONS = {"fp32": "F32", "fp16": "F16", "bf16": "BF16"}


def cast(data: bytes, source: str, target: str) -> bytes:
    """Convert `data` from type `source` to type `target`, both in FLOATS; rounded to nearest even, as in torch.

    Values that fp16 cannot hold become infinite, as in torch. Raise ModelhubError when numpy is not installed.
    """
    if source == target:
        return data
    numpy = _import_numpy()
    values = _to_floats(numpy, data, source)
    if target == "BF16":
        return _bf16_from_floats(numpy, values).tobytes()
    with numpy.errstate(over="ignore"):
        return values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[target]).tobytes()


def count_infinite(data: bytes, dtype: str) -> int:
    """Return the number of infinite values."""
    numpy = _import_numpy()
    return int(numpy.isinf(_to_floats(numpy, data, dtype)).sum())


def _to_floats(numpy: Any, data: bytes, dtype: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any]
    if dtype == "BF16":
        values = (numpy.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        return values
    values = numpy.frombuffer(data, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype])
    return values


def _bf16_from_floats(numpy: Any, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the upper halves of fp32 values, rounded to even; every NaN becomes torch's own (0x7FC0)."""
    with numpy.errstate(over="ignore"):
        bits = values.astype("<f4").view("<u4")
    rounded: np.ndarray[Any, Any] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    rounded[numpy.isnan(values)] = 0x7FC0
    return rounded


def _import_numpy() -> Any:
    try:
        import numpy
    except ImportError as exc:
        raise ModelhubError(
            "Changing the precision needs numpy, which is not installed.",
            Remedy("Install the extra `convert`.", "install-convert"),
        ) from exc
    return numpy
