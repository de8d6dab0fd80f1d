"""Tensor names, top-level entries and the wrapper of the weights, read off the object that a pickle builds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelhub.formats.header import OBJECT, TensorInfo
from modelhub.formats.pickles.placeholders import Global, OpaqueObject, SkippedBytes, Storage, TensorRef

MAX_NODES = 1_000_000
MAX_DEPTH = 24
MAX_TEXT = 32 << 20  # characters; the names of a large checkpoint with its optimizer have 2 million
MAX_ENTRIES = 4096
_TEXT = 400  # characters of a scalar entry that are kept
# Wrappers that trainers put around a state dict, in the order in which loaders look for them.
_WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model", "module", "net", "weights")
_NESTED = (TensorRef, dict, list, tuple, OpaqueObject)  # what may hold tensors
# Attributes of a pickled torch module that lead to its tensors.
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")


@dataclass(slots=True)
class StateDict:
    """Tensors by flattened name; `refs`: where the values are. `limit_reached`: it held more than a real file.

    `open`: the containers that are being followed, by identity; settings of OmegaConf refer to those around them.
    """

    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    refs: dict[str, TensorRef] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    root: str | None = None
    whole_module: str | None = None
    limit_reached: bool = False
    nodes: int = 0
    text: int = 0  # characters of all names
    open: set[int] = field(default_factory=set)


def read_state_dict(built: Any) -> StateDict:
    """Collect all tensors below `built`; bounded, even if the object contains itself or shares parts without end."""
    state_dict = StateDict()
    if isinstance(built, OpaqueObject) and isinstance(built.callee, Global) and built.callee.module:
        state_dict.whole_module = f"{built.callee.module}.{built.callee.name}"
    parts = _children(built)
    state_dict.root = _find_wrapper(parts)
    if state_dict.root is not None:
        _collect_tensors(parts[state_dict.root], "", state_dict, 0)
        _collect_entries({key: value for key, value in parts.items() if key != state_dict.root}, state_dict)
    elif parts:
        for key, value in parts.items():
            before = len(state_dict.tensors)
            if isinstance(value, _NESTED):
                _collect_tensors(value, str(key), state_dict, 1)
            if len(state_dict.tensors) == before:
                _collect_entries({key: value}, state_dict)
    else:
        _collect_tensors(built, "", state_dict, 0)
    return state_dict


def _find_wrapper(parts: dict[Any, Any]) -> str | None:
    """Return the name of the wrapper that holds a dictionary of tensors, None without one."""
    for name in _WRAPPERS:
        inside = _children(parts.get(name))
        if inside and any(isinstance(value, TensorRef) for value in inside.values()):
            # A network's own sub-module may be called `model` too; then there are tensors beside it.
            if name in ("model", "module", "net") and any(isinstance(v, TensorRef) for v in parts.values()):
                return None
            return name
    return None


def _children(value: Any) -> dict[Any, Any]:
    """Return the children of a value by name; a tensor or a scalar has none."""
    if isinstance(value, dict):
        return value
    if isinstance(value, OpaqueObject):
        return _module_children(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, (TensorRef, Storage, Global, SkippedBytes)):
        return dict(enumerate(value))
    return {}


def _module_children(made: OpaqueObject) -> dict[Any, Any]:
    """Return the parameters, buffers and sub-modules of a pickled torch module, else its items or attributes."""
    state = made.state[0] if isinstance(made.state, tuple) and made.state else made.state
    if not isinstance(state, dict):
        return made.items
    parts: dict[Any, Any] = dict(made.items)
    for name in _MODULE_PARTS:
        inner = state.get(name)
        if isinstance(inner, dict):
            parts.update(inner)
    return parts or {key: value for key, value in state.items() if isinstance(value, (TensorRef, dict, OpaqueObject))}


def _collect_tensors(value: Any, name: str, state_dict: StateDict, depth: int) -> None:
    state_dict.nodes += 1
    state_dict.text += len(name)
    if state_dict.nodes > MAX_NODES or depth > MAX_DEPTH or state_dict.text > MAX_TEXT:
        state_dict.limit_reached = True
        return
    if isinstance(value, TensorRef):
        state_dict.tensors[name] = TensorInfo(value.dtype, value.shape)
        state_dict.refs[name] = value
        return
    if id(value) in state_dict.open:
        return
    state_dict.open.add(id(value))
    for key, child in _children(value).items():
        if state_dict.limit_reached:
            return
        if isinstance(child, _NESTED):
            _collect_tensors(child, f"{name}.{key}" if name else str(key), state_dict, depth + 1)
    state_dict.open.discard(id(value))


def _collect_entries(parts: dict[Any, Any], state_dict: StateDict) -> None:
    for key, value in parts.items():
        if len(state_dict.entries) >= MAX_ENTRIES:
            return
        state_dict.entries[str(key)[:_TEXT]] = "".join(_entry_text(value))[:_TEXT]


def _entry_text(value: Any) -> Iterator[str]:
    """Yield a scalar or a short list of scalars as text, anything else as the name of its kind."""
    if isinstance(value, (str, bool, int, float)) or value is None:
        yield str(value)
    elif isinstance(value, Global):
        yield f"{OBJECT}{value.module}.{value.name}"
    elif isinstance(value, OpaqueObject) and isinstance(value.callee, Global):
        yield f"{OBJECT}{value.callee.module}.{value.callee.name}"
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
        yield f"{OBJECT}{type(value).__name__.lower()}"
