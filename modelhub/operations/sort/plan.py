"""Where each item goes, pure: targets, collisions, duplicates, and the reason of everything that stays."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from modelhub.domain import Format
from modelhub.operations.sort.equal_files import Twins
from modelhub.operations.sort.survey import Item, Survey, is_sidecar_model
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecars import models_sharing_sidecars, renamed_sidecar, sidecars_of
from modelhub.storage.walk import walk
from modelhub.uis.ui import UI

# What browsers and file managers add to the name of a second copy; the first is the one to keep.
_COPY = re.compile(r"\(\d+\)$|[ _-]cop(y|ia)\b|副本|コピー| - Kopie", re.IGNORECASE)
_FIELD = re.compile(r"\{(\w+)\}")
_FIELDS: dict[str, Callable[[Item], str]] = {
    "type": lambda item: item.type.value,
    "architecture": lambda item: item.architecture or "other",
    "style": lambda item: item.style if item.style != "unknown" else "other",
    "variant": lambda item: item.variant or "other",
    "precision": lambda item: item.precision or "other",
    "name": lambda item: item.name,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How to sort. `by`: sub-folders, "architecture" or "style". `duplicates`: "leave" or "trash". `rename`: a bundle
    whose name is taken gets a number."""

    ui: UI
    into: Path
    mode: str = "move"
    by: tuple[str, ...] = ()
    duplicates: str = "leave"
    rename: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One bundle: the model, and what goes with it, each with its target."""

    item: Item
    target: Path
    sidecars: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What stays, and why. `needs_you`: a person has to decide something."""

    path: Path
    kind: str
    words: str
    needs_you: bool = False


@dataclass(slots=True)
class SortPlan:
    """Pure data. `duplicates`: (item, the same content elsewhere), only when they are to go to the trash."""

    rules: Rules
    moves: list[Move] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    duplicates: list[tuple[Item, Path]] = field(default_factory=list)


_QUIET = frozenset(("in place", "a link", "no place", "with its model"))


def plan_sort(found: Survey, rules: Rules) -> SortPlan:
    """Decide for every item; of the disk only names, sizes and, of files of one size, samples are looked at."""
    plan = SortPlan(rules)
    names = {item.path.name.casefold() for item in found.items}
    taken: dict[str, Item] = {}
    twins = _twins(found, rules.into)
    for path, why in found.problems:
        plan.stays.append(Stay(path=path, kind="unreadable", words=why, needs_you=True))
    for item in sorted(found.items, key=lambda item: (_COPY.search(item.path.stem) is not None, str(item.path))):
        target = _target(item, rules, names)
        if isinstance(target, Stay):
            plan.stays.append(target)
            continue
        same = twins.find(item.path, item.size) if item.format is not Format.DIFFUSERS else None
        if same is not None:
            _duplicate(plan, item, same)
            continue
        place = _free(item, target, taken, rules)
        if isinstance(place, Stay):
            plan.stays.append(place)
            continue
        taken[_folded(place)] = item
        twins.add(item.path, item.size)
        plan.moves.append(Move(item=item, target=place, sidecars=_sidecars(item, place)))
    _share_sidecars(plan)
    return plan


def _twins(found: Survey, into: Path) -> Twins:
    """The model files below the target; those that will be moved are added as they are decided."""
    twins = Twins({item.path: item.sha256 for item in found.items if item.sha256})
    if into.is_dir():
        for there in walk(into):
            if there.kind == "file":
                twins.add(there.path, there.size)
    return twins


def _target(item: Item, rules: Rules, names: set[str]) -> Path | Stay:
    """Where the layout wants it, or why it stays."""
    if (stay := _must_stay(item, names)) is not None:
        return stay
    target = target_of(item, rules)
    if target is None:
        words = f"{rules.ui.title} has no folder for models of type {item.type.value}"
        return Stay(path=item.path, kind="no place", words=words)
    if target == item.path:
        return Stay(path=item.path, kind="in place", words="it is where it belongs")
    return target


def target_of(item: Item, rules: Rules) -> Path | None:
    """Where an item belongs; None where the layout has no folder for it."""
    folder = rules.ui.folder_for(item.type, algorithm=item.algorithm, format=item.format)
    if folder is None:
        return None
    filled = [_filled(part, item) for part in PurePosixPath(folder).parts]
    named = _FIELD.search(PurePosixPath(folder).name) is not None and "{name}" in PurePosixPath(folder).name
    sub = [safe_name(_FIELDS[name](item)) for name in rules.by]
    suffix = "" if item.format is Format.DIFFUSERS else item.path.suffix
    name = filled.pop() + suffix if named else item.path.name
    return rules.into.joinpath(*filled, *sub, name)


def _filled(template: str, item: Item) -> str:
    """A part of a template with its fields; never more than one folder name."""
    text = _FIELD.sub(lambda match: safe_name(_FIELDS[match[1]](item), fallback="other"), template)
    return text if "{" not in template else safe_name(text)


def unknown_fields(layout: UI) -> list[str]:
    """Fields in a user's layout that do not exist."""
    found = {name for folder in layout.folders.values() for name in _FIELD.findall(folder)}
    return sorted(found - _FIELDS.keys())


def _must_stay(item: Item, names: set[str]) -> Stay | None:
    if item.trouble is not None:
        kind, words = item.trouble
        return Stay(path=item.path, kind=kind, words=words, needs_you=kind not in _QUIET)
    if is_sidecar_model(item.path, names):
        return Stay(path=item.path, kind="with its model", words="it goes where the model of its name goes")
    return None


def _duplicate(plan: SortPlan, item: Item, same: Path) -> None:
    if plan.rules.duplicates == "trash":
        plan.duplicates.append((item, same))
    else:
        words = f"the same content is at {same}; --duplicates trash puts such copies into the trash"
        plan.stays.append(Stay(path=item.path, kind="duplicate", words=words))


def _free(item: Item, target: Path, taken: Mapping[str, Item], rules: Rules) -> Path | Stay:
    """The target, a numbered one on request, or why the item must stay."""
    for number in range(1, 1000):
        place = target if number == 1 else target.with_name(f"{target.stem} ({number}){target.suffix}")
        other = taken.get(_folded(place))
        exists = os.path.lexists(place) and not _only_spelt_otherwise(item.path, place)
        if other is None and not exists:
            return place
        if not rules.rename:
            where = f"{other.path} goes there" if other else f"another file is at {place}"
            words = f"{where}; rename one of them, or use --rename"
            return Stay(path=item.path, kind="collision", words=words, needs_you=True)
    return Stay(path=item.path, kind="collision", words=f"there are too many files like {target}", needs_you=True)


def _only_spelt_otherwise(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other) and one.parent == other.parent
    except OSError:
        return False


def _folded(path: Path) -> str:
    """A path as the most forgetful file system sees it: no case, one form of accents."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _sidecars(item: Item, target: Path) -> tuple[tuple[Path, Path], ...]:
    if item.format is Format.DIFFUSERS:
        return ()
    return tuple((path, renamed_sidecar(path, item.path, target)) for path in sidecars_of(item.path))


def _share_sidecars(plan: SortPlan) -> None:
    """Twins (`m.ckpt`, `m.safetensors`) share sidecars: they go with the first that moves, and stay if a twin stays."""
    staying = {stay.path for stay in plan.stays if stay.kind != "with its model"}
    given: set[Path] = set()
    for number, move in enumerate(plan.moves):
        left_behind = (
            any(twin in staying for twin in models_sharing_sidecars(move.item.path)) if move.sidecars else False
        )
        kept = tuple(pair for pair in move.sidecars if not left_behind and pair[0] not in given)
        given |= {path for path, _ in kept}
        if kept != move.sidecars:
            plan.moves[number] = replace(move, sidecars=kept)
