"""Turn a sort plan into steps for the journal: folders, sidecars, the model, and paths inside sidecars."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelhub.catalog import NewStep
from modelhub.operations.sort.actions import SIDECARS_WITH_PATHS, facts_of
from modelhub.operations.sort.enums import SortMode
from modelhub.operations.sort.plan import PlannedMove, SortPlan
from modelhub.operations.sort.rules import SortRules

_REWRITE_LIMIT = 4 << 20  # bytes


def steps_of(plan: SortPlan) -> list[list[NewStep]]:
    """Return one bundle of steps per move, then one per duplicate. Raise OSError when a file no longer exists."""
    made: set[Path] = set()
    bundles = [_bundle(move, plan.rules, made) for move in plan.moves]
    for item, _ in plan.duplicates:
        detail = {"size": item.size, "mtime_ns": item.mtime_ns}
        bundles.append([NewStep(action="trash", source=str(item.path), detail=detail)])
    return bundles


def _bundle(move: PlannedMove, rules: SortRules, made: set[Path]) -> list[NewStep]:
    steps = [NewStep(action="mkdir", target=str(folder)) for folder in _missing(move.target.parent, made)]
    item = move.item
    for source, target in move.sidecars:
        steps.append(NewStep(action=rules.mode.value, source=str(source), target=str(target), detail=facts_of(source)))
    detail: dict[str, object] = {"size": item.size, "mtime_ns": item.mtime_ns}
    if item.sha256:
        detail["sha256"] = item.sha256
    if item.locations:
        detail["locations"] = [list(row) for row in item.locations]
    steps.append(NewStep(action=rules.mode.value, source=str(item.path), target=str(move.target), detail=detail))
    if rules.mode is SortMode.MOVE:
        steps += _rewrites(move)
    return steps


def _missing(folder: Path, made: set[Path]) -> Iterable[Path]:
    """Return the folders that do not exist yet, outermost first."""
    missing = []
    for place in (folder, *folder.parents):
        if place in made or place.is_dir():
            break
        missing.append(place)
    made.update(missing)
    return reversed(missing)


def _rewrites(move: PlannedMove) -> Iterable[NewStep]:
    """Yield a step for each known sidecar that holds absolute paths of the bundle's files."""
    places = {str(source): str(target) for source, target in ((move.item.path, move.target), *move.sidecars)}
    for source, target in move.sidecars:
        if not source.name.endswith(SIDECARS_WITH_PATHS) or source.stat().st_size > _REWRITE_LIMIT:
            continue
        before = source.read_bytes()
        after = replace_paths(before, places)
        if after is not None:
            detail = {
                "before": base64.b64encode(before).decode(),
                "after": base64.b64encode(after).decode(),
                "mtime_ns": source.stat().st_mtime_ns,
            }
            yield NewStep(action="rewrite", source=str(target), target=str(target), detail=detail)


def replace_paths(data: bytes, places: Mapping[str, str]) -> bytes | None:
    """Return JSON text with every string that is an old path (with either slash) replaced, None if there is none.

    `places`: old path → new path.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    by_slash = {old.replace("\\", "/"): new for old, new in places.items()}
    changed = False

    def replace(value: object) -> object:
        nonlocal changed
        if isinstance(value, str) and value in places:
            changed = True
            return places[value]
        if isinstance(value, str) and (new := by_slash.get(value.replace("\\", "/"))) is not None:
            changed = True
            return new.replace("\\", "/") if "/" in value else new
        if isinstance(value, list):
            return [replace(part) for part in value]
        if isinstance(value, dict):
            return {key: replace(part) for key, part in value.items()}
        return value

    result = replace(document)
    return _encode(result) if changed else None


def _encode(document: object) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, indent=4).encode()
    except UnicodeEncodeError:  # a path that is not UTF-8 can only be written with escapes
        return json.dumps(document, indent=4).encode()
