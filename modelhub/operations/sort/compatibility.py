"""Check that this version understands a run in the journal before it settles or undoes it.

A newer version may have written actions or states that this one does not know, and a damaged row may hold anything.
Such a run is left alone, as a whole: the version that wrote it can still settle and undo it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from modelhub.catalog import Operation, Step
from modelhub.operations.sort.actions import ACTIONS, COPYING

KINDS = ("sort", "undo", "redo")
_STEP_STATES = frozenset(("planned", "done", "undone", "dropped"))
_INTEGERS = ("bundle", "size", "mtime_ns")


def incompatibility(operation: Operation, steps: Sequence[Step]) -> str:
    """Return a sentence about what this version does not understand in a run, "" if it understands everything."""
    if operation.kind not in KINDS:
        return f"Run {operation.id} is of a kind that this version of modelhub does not know: `{operation.kind}`."
    if not operation.readable:
        return f"Run {operation.id} has parameters that cannot be read."
    for step in steps:
        if step.action not in ACTIONS:
            return f"Run {operation.id} has an action that this version of modelhub does not know: `{step.action}`."
        if step.state not in _STEP_STATES:
            return f"Run {operation.id} has a state that this version of modelhub does not know: `{step.state}`."
        if not step.readable or not _is_valid(step):
            return f"Run {operation.id} has a step that cannot be read: number {step.position + 1}."
    return ""


def _is_valid(step: Step) -> bool:
    """Return whether the detail of a step has the types that the actions expect."""
    detail = step.detail
    if not all(isinstance(detail.get(name, 0), int) for name in _INTEGERS):
        return False
    if not isinstance(detail.get("sha256", ""), str):
        return False
    if not all(_is_list(detail.get(name, []), int) for name in ("undoes", "restores")):
        return False
    locations = detail.get("locations", [])
    if not isinstance(locations, list) or not all(_is_location(location) for location in locations):
        return False
    if step.action == "unlink":
        return detail.get("made") in COPYING
    if step.action == "rewrite":
        return "mtime_ns" in detail and _is_base64(detail.get("before")) and _is_base64(detail.get("after"))
    return True


def _is_list(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _is_location(value: object) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [int, str]


def _is_base64(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        base64.b64decode(value)
    except (ValueError, binascii.Error):
        return False
    return True
