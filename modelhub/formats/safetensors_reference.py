"""An independent check of safetensors files that modelhub wrote: what the reference library reads in them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.formats.safetensors_write import TensorEntry

_REPORT = "Report this as a defect of modelhub."
LARGEST_WITHOUT_NUMPY = 128 << 20  # bytes of a file that is read into memory as a whole


def check_with_reference_library(path: Path, tensors: Iterable[TensorEntry]) -> bool:
    """Open a file with the safetensors library and compare names, types and shapes with what was written.

    Return False when the check is not possible: without numpy the library takes only whole files, which are read up to
    LARGEST_WITHOUT_NUMPY bytes. Raise ModelhubError for a file that the library refuses or reads differently.
    """
    from safetensors import SafetensorError

    if find_spec("numpy") is None and path.stat().st_size > LARGEST_WITHOUT_NUMPY:
        return False
    try:
        found = _tensors_by_map(path) if find_spec("numpy") is not None else _tensors_in_memory(path)
    except SafetensorError as exc:
        summary = f"What was written to {path.parent} cannot be opened by the safetensors library: {exc}."
        raise ModelhubError(summary, _REPORT) from exc
    if found != {tensor.name: (tensor.dtype, tensor.shape) for tensor in tensors}:
        summary = f"What was written to {path.parent} is read differently by the safetensors library."
        raise ModelhubError(summary, _REPORT)
    return True


def _tensors_by_map(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:  # maps the file; reads no values
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


def _tensors_in_memory(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    from safetensors import deserialize

    parts = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    return {name: (str(part["dtype"]), tuple(part["shape"])) for name, part in parts}
