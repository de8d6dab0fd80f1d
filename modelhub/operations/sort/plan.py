"""Decide where each model goes: targets, collisions, duplicates, and the reason of everything that is left in place.

Planning changes nothing. It reads names and sizes below the target and, of files of one size, samples or the whole
content; what a model is has been found out before, by the survey.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelhub.domain import Format
from modelhub.errors import Remedy
from modelhub.operations.sort.enums import SortDuplicates
from modelhub.operations.sort.equal_files import DuplicateIndex
from modelhub.operations.sort.rules import FIELD, SortRules
from modelhub.operations.sort.survey import Item, Survey, is_sidecar_model
from modelhub.storage.model_names import loadable_name
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecar_names import models_sharing_sidecars, renamed_sidecar, sidecars_of
from modelhub.storage.walk import walk

# What browsers and file managers add to the name of a second copy; the first is the one to keep.
_COPY = re.compile(r"\(\d+\)$|[ _-]cop(y|ia)\b|副本|コピー| - Kopie", re.IGNORECASE)
_FIELDS: dict[str, Callable[[Item], str]] = {
    "type": lambda item: item.type.value,
    "architecture": lambda item: item.architecture or "other",
    "style": lambda item: item.style if item.style != "unknown" else "other",
    "variant": lambda item: item.variant or "other",
    "precision": lambda item: item.precision or "other",
    "name": lambda item: item.name,
}
# Reasons that need no decision of the user.
_EXPECTED = frozenset(("in place", "a link", "no place", "with its model"))
PASSED_OVER = "passed over"
_TRASH = Remedy("Such duplicates can be moved to the trash.", "trash-duplicates")
_RENAME = Remedy("Rename one of them, or allow numbered names.", "rename-collisions")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """A model with its target, and the sidecars that go with it, each with its own."""

    item: Item
    target: Path
    sidecars: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftInPlace:
    """A file that is not moved. `reason`: a few words, the same for all of a kind; `message`: a sentence.

    `needs_attention`: a person must decide something.
    """

    path: Path
    reason: str
    message: str
    remedy: Remedy = field(default_factory=Remedy)
    needs_attention: bool = False


@dataclass(slots=True)
class SortPlan:
    """The decisions of a sort. `duplicates`: (model, the same content elsewhere), only those that go to the trash."""

    rules: SortRules
    moves: list[PlannedMove] = field(default_factory=list)
    left: list[LeftInPlace] = field(default_factory=list)
    duplicates: list[tuple[Item, Path]] = field(default_factory=list)


def plan_sort(found: Survey, rules: SortRules) -> SortPlan:
    """Return what becomes of every item of a survey."""
    plan = SortPlan(rules)
    names = {item.path.name.casefold() for item in found.items}
    taken: dict[str, Item] = {}
    index = _index_of(found, rules.into)
    for path, message in found.problems:
        plan.left.append(LeftInPlace(path=path, reason="unreadable", message=message, needs_attention=True))
    plan.left += [LeftInPlace(path=path, reason=PASSED_OVER, message=message) for path, message in found.passed]
    for item in sorted(found.items, key=lambda item: (_COPY.search(item.path.stem) is not None, str(item.path))):
        target = _target(item, rules, names)
        if isinstance(target, LeftInPlace):
            plan.left.append(target)
            continue
        same = index.find(item.path, item.size) if item.format is not Format.DIFFUSERS else None
        if same is not None:
            _add_duplicate(plan, item, same)
            continue
        place = _free_place(item, target, taken, rules)
        if isinstance(place, LeftInPlace):
            plan.left.append(place)
            continue
        taken[_folded(place)] = item
        index.add(item.path, item.size)
        plan.moves.append(PlannedMove(item=item, target=place, sidecars=_sidecars(item, place)))
    _share_sidecars(plan)
    return plan


def _index_of(found: Survey, into: Path) -> DuplicateIndex:
    """Return the model files below the target; those that will be moved are added as they are decided."""
    index = DuplicateIndex({item.path: item.sha256 for item in found.items if item.sha256})
    if into.is_dir():
        for model in walk(into):
            if model.kind == "file":
                index.add(model.path, model.size)
    return index


def _target(item: Item, rules: SortRules, names: set[str]) -> Path | LeftInPlace:
    """Return where the UI expects the model, or why it is left in place."""
    if item.problem is not None:
        problem = item.problem
        return LeftInPlace(
            path=item.path,
            reason=problem.reason,
            message=problem.message,
            remedy=problem.remedy,
            needs_attention=problem.reason not in _EXPECTED,
        )
    if is_sidecar_model(item.path, names):
        message = "It goes where the model of the same name goes."
        return LeftInPlace(path=item.path, reason="with its model", message=message)
    target = target_of(item, rules)
    if target is None:
        message = f"{rules.ui.title} has no folder for models of type {item.type.value}."
        return LeftInPlace(path=item.path, reason="no place", message=message)
    if target == item.path:
        return LeftInPlace(path=item.path, reason="in place", message="It is where it belongs.")
    return target


def target_of(item: Item, rules: SortRules) -> Path | None:
    """Return where an item belongs; None where the UI has no folder for it."""
    folder = rules.ui.folder_for(item.type, algorithm=item.algorithm, format=item.format)
    if folder is None:
        return None
    filled = [_fill(part, item) for part in folder.parts]
    is_named = "{name}" in folder.name
    groups = [safe_name(_FIELDS[grouping](item)) for grouping in rules.by]
    own = loadable_name(item.path.name, item.format, item.type)
    suffix = "" if item.format is Format.DIFFUSERS else Path(own).suffix
    name = filled.pop() + suffix if is_named else own
    return rules.into.joinpath(*filled, *groups, name)


def _fill(template: str, item: Item) -> str:
    """Return a part of a template with its fields filled in; never more than one folder name."""
    text = FIELD.sub(lambda match: safe_name(_FIELDS[match[1]](item), fallback="other"), template)
    return text if "{" not in template else safe_name(text)


def _add_duplicate(plan: SortPlan, item: Item, same: Path) -> None:
    if plan.rules.duplicates is SortDuplicates.TRASH:
        plan.duplicates.append((item, same))
    else:
        message = f"The same content is at {same}."
        plan.left.append(LeftInPlace(path=item.path, reason="duplicate", message=message, remedy=_TRASH))


def _free_place(item: Item, target: Path, taken: Mapping[str, Item], rules: SortRules) -> Path | LeftInPlace:
    """Return the target, a numbered one if the rules allow it, or why the item must be left in place."""
    for number in range(1, 1000):
        place = target if number == 1 else target.with_name(f"{target.stem} ({number}){target.suffix}")
        other = taken.get(_folded(place))
        exists = os.path.lexists(place) and not _differ_only_in_spelling(item.path, place)
        if other is None and not exists:
            return place
        if not rules.rename:
            message = f"{other.path} goes to the same place." if other else f"Another file is at {place}."
            return _collision(item, message, _RENAME)
    return _collision(item, f"Too many files are named like {target}.", Remedy("Rename it."))


def _collision(item: Item, message: str, remedy: Remedy) -> LeftInPlace:
    return LeftInPlace(path=item.path, reason="collision", message=message, remedy=remedy, needs_attention=True)


def _differ_only_in_spelling(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other) and one.parent == other.parent
    except OSError:
        return False


def _folded(path: Path) -> str:
    """Return a path as a file system sees it that ignores case and the form of accents."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _sidecars(item: Item, target: Path) -> tuple[tuple[Path, Path], ...]:
    if item.format is Format.DIFFUSERS:
        return ()
    return tuple((path, renamed_sidecar(path, item.path, target)) for path in sidecars_of(item.path))


def _share_sidecars(plan: SortPlan) -> None:
    """Give shared sidecars to one model: `m.ckpt` and `m.safetensors` have the same ones.

    They go with the first of the models that moves, and are left in place if one of the models is.
    """
    staying = {left.path for left in plan.left if left.reason != "with its model"}
    given: set[Path] = set()
    for number, move in enumerate(plan.moves):
        is_split = (
            any(model in staying for model in models_sharing_sidecars(move.item.path)) if move.sidecars else False
        )
        kept = tuple(pair for pair in move.sidecars if not is_split and pair[0] not in given)
        given |= {path for path, _ in kept}
        if kept != move.sidecars:
            plan.moves[number] = replace(move, sidecars=kept)
