"""From the object that a pickle builds to tensor names, top-level entries and the wrapper around the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelhub.formats.header import TensorInfo
from modelhub.formats.stand_ins import Blob, Global, Made, Storage, TensorRef

MAX_NODES = 1_000_000
MAX_DEPTH = 24
MAX_ENTRIES = 4096
_TEXT = 400  # characters of a scalar entry that are kept
# Wrappers that trainers put around a state dict, in the order in which loaders look for them.
_WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model", "module", "net", "weights")
# Attributes of a pickled torch module that lead to its tensors.
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")


@dataclass(slots=True)
class Flat:
    """Tensors by flattened name; `refs` where each one's values are. `cut`: there was more than any real file has."""

    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    refs: dict[str, TensorRef] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    root: str | None = None
    whole_module: str | None = None
    cut: bool = False
    nodes: int = 0


def flatten(built: Any) -> Flat:
    """All tensors below `built`; bounded, also when the object refers to itself or shares parts without end."""
    flat = Flat()
    if isinstance(built, Made) and isinstance(built.callee, Global):
        flat.whole_module = f"{built.callee.module}.{built.callee.name}"
    parts = _parts(built)
    flat.root = _wrapper(parts)
    if flat.root is not None:
        _collect(parts[flat.root], "", flat, 0)
        _note_entries({key: value for key, value in parts.items() if key != flat.root}, flat)
    elif parts:
        for key, value in parts.items():
            before = len(flat.tensors)
            _collect(value, str(key), flat, 1)
            if len(flat.tensors) == before:
                _note_entries({key: value}, flat)
    else:
        _collect(built, "", flat, 0)
    return flat


def _wrapper(parts: dict[Any, Any]) -> str | None:
    """The wrapper's name, if what it holds is a dictionary of tensors."""
    for name in _WRAPPERS:
        inside = _parts(parts.get(name))
        if inside and any(isinstance(value, TensorRef) for value in inside.values()):
            # A network's own sub-module may be called `model` too; then there are tensors beside it.
            if name in ("model", "module", "net") and any(isinstance(v, TensorRef) for v in parts.values()):
                return None
            return name
    return None


def _parts(value: Any) -> dict[Any, Any]:
    """What lies below a value by name; nothing below a tensor or a scalar."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Made):
        return _module_parts(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, (TensorRef, Storage, Global, Blob)):
        return dict(enumerate(value))
    return {}


def _module_parts(made: Made) -> dict[Any, Any]:
    """The parameters, buffers and sub-modules of a pickled torch module; else its items or attributes."""
    state = made.state[0] if isinstance(made.state, tuple) and made.state else made.state
    if not isinstance(state, dict):
        return made.items
    parts: dict[Any, Any] = dict(made.items)
    for name in _MODULE_PARTS:
        inner = state.get(name)
        if isinstance(inner, dict):
            parts.update(inner)
    return parts or {key: value for key, value in state.items() if isinstance(value, (TensorRef, dict, Made))}


def _collect(value: Any, name: str, flat: Flat, depth: int) -> None:
    flat.nodes += 1
    if flat.nodes > MAX_NODES or depth > MAX_DEPTH:
        flat.cut = True
        return
    if isinstance(value, TensorRef):
        flat.tensors[name] = TensorInfo(value.dtype, value.shape)
        flat.refs[name] = value
        return
    for key, child in _parts(value).items():
        if flat.cut:
            return
        if isinstance(child, (TensorRef, dict, list, tuple, Made)):
            _collect(child, f"{name}.{key}" if name else str(key), flat, depth + 1)


def _note_entries(parts: dict[Any, Any], flat: Flat) -> None:
    for key, value in parts.items():
        if len(flat.entries) >= MAX_ENTRIES:
            return
        flat.entries[str(key)[:_TEXT]] = "".join(_words(value))[:_TEXT]


def _words(value: Any) -> Iterator[str]:
    """A scalar as text; a short list of scalars as such; anything else by its kind."""
    if isinstance(value, (str, bool, int, float)) or value is None:
        yield str(value)
    elif isinstance(value, Global):
        yield f"{value.module}.{value.name}"
    elif isinstance(value, Made) and isinstance(value.callee, Global):
        yield f"{value.callee.module}.{value.callee.name}"
    elif (
        isinstance(value, (list, tuple))
        and len(value) <= 16
        and all(isinstance(item, (str, bool, int, float)) or item is None for item in value)
    ):
        yield str(list(value))
    elif (
        isinstance(value, dict)
        and len(value) == 1
        and all(isinstance(item, (str, int)) for pair in value.items() for item in pair)
    ):
        yield str(value)
    else:
        yield type(value).__name__.lower()
