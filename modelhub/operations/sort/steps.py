"""From a sort plan to journaled steps: folders, sidecars, the model, and paths inside sidecars."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from modelhub.catalog import NewStep
from modelhub.operations.sort.actions import facts_of
from modelhub.operations.sort.plan import Move, Rules, SortPlan

# Sidecars that hold absolute paths of their model, and are rewritten when it moves.
_WITH_PATHS = (".metadata.json", ".cm-info.json", ".civitai.info")
_REWRITE_LIMIT = 4 << 20  # bytes


def steps_of(plan: SortPlan) -> list[list[NewStep]]:
    """The journal's steps, one bundle a move, then one a duplicate. Raises OSError when a file vanished meanwhile."""
    made: set[Path] = set()
    bundles = [_bundle(move, plan.rules, made) for move in plan.moves]
    for item, _ in plan.duplicates:
        detail = {"size": item.size, "mtime_ns": item.mtime_ns}
        bundles.append([NewStep(action="trash", source=str(item.path), detail=detail)])
    return bundles


def _bundle(move: Move, rules: Rules, made: set[Path]) -> list[NewStep]:
    steps = [NewStep(action="mkdir", target=str(folder)) for folder in _missing(move.target.parent, made)]
    item = move.item
    for source, target in move.sidecars:
        steps.append(NewStep(action=rules.mode, source=str(source), target=str(target), detail=facts_of(source)))
    detail: dict[str, object] = {"size": item.size, "mtime_ns": item.mtime_ns}
    if item.sha256:
        detail["sha256"] = item.sha256
    if item.locations:
        detail["locations"] = [list(row) for row in item.locations]
    steps.append(NewStep(action=rules.mode, source=str(item.path), target=str(move.target), detail=detail))
    if rules.mode == "move":
        steps += _rewrites(move)
    return steps


def _missing(folder: Path, made: set[Path]) -> Iterable[Path]:
    """Folders that are not there yet, outermost first."""
    missing = []
    for place in (folder, *folder.parents):
        if place in made or place.is_dir():
            break
        missing.append(place)
    made.update(missing)
    return reversed(missing)


def _rewrites(move: Move) -> Iterable[NewStep]:
    """Absolute paths of the bundle's files inside its known sidecars, as other managers keep them."""
    places = {str(source): str(target) for source, target in ((move.item.path, move.target), *move.sidecars)}
    for source, target in move.sidecars:
        if not source.name.endswith(_WITH_PATHS) or source.stat().st_size > _REWRITE_LIMIT:
            continue
        before = source.read_bytes()
        after = rewritten(before, places)
        if after is not None:
            detail = {
                "before": base64.b64encode(before).decode(),
                "after": base64.b64encode(after).decode(),
                "mtime_ns": source.stat().st_mtime_ns,
            }
            yield NewStep(action="rewrite", source=str(target), target=str(target), detail=detail)


def rewritten(data: bytes, places: Mapping[str, str]) -> bytes | None:
    """The JSON text with every string that is one of the old paths (with either slash) replaced; None: no such.

    `places`: old path → new path.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    turned = {old.replace("\\", "/"): new for old, new in places.items()}
    changed = False

    def walk(value: object) -> object:
        nonlocal changed
        if isinstance(value, str) and (new := turned.get(value.replace("\\", "/"))) is not None:
            changed = True
            return new.replace("\\", "/") if "/" in value else new
        if isinstance(value, list):
            return [walk(part) for part in value]
        if isinstance(value, dict):
            return {key: walk(part) for key, part in value.items()}
        return value

    result = walk(document)
    return json.dumps(result, ensure_ascii=False, indent=4).encode() if changed else None
