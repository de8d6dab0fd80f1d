"""Check that this version understands a run in the journal before it settles or undoes it.

A newer version may have written actions or states that this one does not know, and a damaged or forged row may hold
anything: paths that lead elsewhere, files without the facts that they are recognized by, contents of any file. Such a
run is left alone, as a whole: the version that wrote it can still settle and undo it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from pathlib import Path

from modelhub.catalog import Operation, Step
from modelhub.operations.sort.actions import ACTIONS, COPYING, SIDECARS_WITH_PATHS
from modelhub.storage.safe_names import is_windows_name

KINDS = ("sort", "undo", "redo")
_STEP_STATES = frozenset(("planned", "done", "undone", "dropped"))
_FOLDER_ACTIONS = ("mkdir", "rmdir")
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
        bad = next((path for path in _paths_of(step) if not _is_plain(path)), None)
        if bad is not None:
            return (
                f"Run {operation.id} has a step with a path that no sort writes: number {step.position + 1}, `{bad}`."
            )
    return _foreign_folder(operation, steps)


def _paths_of(step: Step) -> tuple[str, ...]:
    """Return the paths that the action of a step uses."""
    if step.action in _FOLDER_ACTIONS:
        return (step.target,)
    return (step.source,) if step.action == "trash" else (step.source, step.target)


def _is_plain(path: str) -> bool:
    """Return whether a path is one that modelhub writes: absolute, without `..`, NUL, streams and device names."""
    parts = Path(path).parts
    if "\0" in path or not Path(path).is_absolute() or ".." in parts or str(Path(path)) != path:
        return False
    return os.name != "nt" or all(is_windows_name(part) for part in parts[1:])


def _foreign_folder(operation: Operation, steps: Sequence[Step]) -> str:
    """Return a sentence about a folder that is made or removed although no file of the run is below it."""
    files = [Path(path) for step in steps if step.action not in _FOLDER_ACTIONS for path in _paths_of(step)]
    used = {folder for path in files for folder in path.parents}
    for step in steps:
        if step.action in _FOLDER_ACTIONS and Path(step.target) not in used:
            return f"Run {operation.id} has a folder without a file: number {step.position + 1}, `{step.target}`."
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
    if step.action in _FOLDER_ACTIONS:
        return True
    if step.action == "rewrite":
        is_sidecar = step.source == step.target and step.target.endswith(SIDECARS_WITH_PATHS)
        contents = (detail.get("before"), detail.get("after"))
        return is_sidecar and "mtime_ns" in detail and all(_is_json_object(content) for content in contents)
    # Without them, any file would count as the one that was moved.
    has_facts = "size" in detail and "mtime_ns" in detail
    return has_facts and (step.action != "unlink" or detail.get("made") in COPYING)


def _is_list(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _is_location(value: object) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [int, str]


def _is_json_object(value: object) -> bool:
    """Return whether a value is JSON, an object or a list, in base64: the content of a sidecar that is rewritten."""
    if not isinstance(value, str):
        return False
    try:
        return isinstance(json.loads(base64.b64decode(value).decode("utf-8-sig")), dict | list)
    except (ValueError, binascii.Error, RecursionError):
        return False
