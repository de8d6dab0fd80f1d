"""The calls in model files: one row per function or class, with the arguments that real files give it.

Sources: torch's own weights-only list (2.13), the published checkpoints of the last years, and the pickles that torch
2.13, numpy 2.4, omegaconf and Lightning write. `safety.tables` lists which of these names are safe to call; a call with
other arguments than these is suspicious whatever its name.
"""

from __future__ import annotations

from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles import numpy_calls, python_calls, torch_calls
from modelhub.formats.pickles.call_table import Arguments, KnownCall
from modelhub.formats.pickles.placeholders import Global, OpaqueObject, SkippedBytes, Storage, TensorRef

_ROWS = python_calls.ROWS | torch_calls.ROWS | numpy_calls.ROWS


def find(callee: Any) -> KnownCall | None:
    """Return the row of a function or class, None when real files do not call it."""
    return _ROWS.get(callee) if isinstance(callee, Global) else None


def rows() -> dict[Global, KnownCall]:
    """Return every row by the function or class that it is about."""
    return dict(_ROWS)


def may_set(target: Any, state: Any) -> bool:
    """Return whether BUILD may give `target` this state."""
    if type(target) is dict:  # an ordered dictionary, such as a state dict with its `_metadata`
        return kinds.is_plain_state(state)
    known = find(target.callee) if isinstance(target, OpaqueObject) else None
    if known is None:
        return isinstance(target, OpaqueObject)  # code of another library, which is reported as such
    return known.state is not None and known.state(state) and known.belongs(target.arguments, state)


def takes_items(target: OpaqueObject) -> bool:
    """Return whether SETITEM may fill the result of this call; that of another library's code is reported anyway."""
    known = find(target.callee)
    return known is None or known.items


def special_name(state: Any) -> str | None:
    """Return the attribute in a BUILD's state that Python itself would call or obey, None without one."""
    parts = state if type(state) is tuple else (state,)
    names = (name for part in parts if type(part) is dict for name in part)
    return next((name for name in names if name in ("__setstate__", "__class__")), None)


def length_of(arguments: Arguments) -> int:
    """Return how many bytes or items a call copies."""
    first = arguments[0] if arguments else ()
    if isinstance(first, SkippedBytes):
        return first.length
    return len(first) if isinstance(first, (str, bytes, list, tuple, dict)) else 0


def describe(value: Any) -> str:
    """Return a value in words for a finding."""
    if isinstance(value, Global):
        return f"{value.module}.{value.name}"
    if isinstance(value, OpaqueObject):
        return f"the result of {describe(value.callee)}"
    names = {TensorRef: "a tensor", Storage: "the storage of a tensor", dict: "a dictionary", type(None): "nothing"}
    return names.get(type(value), f"a value of the type {type(value).__name__}")
