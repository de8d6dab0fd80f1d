"""The rules of a sort, made from the words of a user, a shortcut or the configuration, and refused here if invalid."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhub.choices import find_choice, member
from modelhub.config import Settings
from modelhub.domain import ModelType
from modelhub.errors import Remedy, UsageError
from modelhub.home import expand_home
from modelhub.operations.sort.enums import SortDuplicates, SortGrouping, SortMode
from modelhub.uis.registry import ui_named
from modelhub.uis.ui import UI, ModelServer
from modelhub.words import WordKind

FIELD = re.compile(r"\{(\w+)\}")
FIELDS = ("type", "architecture", "style", "variant", "precision", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class SortRules:
    """The rules of one sort.

    `into`: what the UI's folders are relative to. `by`: properties that models get sub-folders by, in this order.
    `rename`: a model whose name is taken gets a number, with its sidecars.
    """

    ui: UI
    into: Path
    mode: SortMode = SortMode.MOVE
    by: tuple[SortGrouping, ...] = ()
    duplicates: SortDuplicates = SortDuplicates.LEAVE
    rename: bool = False


def chosen_ui(settings: Settings, layout: str | None) -> UI:
    """Return the UI that is named, or else set in the configuration. Raise UsageError for none or an unknown one."""
    name = layout or settings.sort.layout
    if not name:
        raise UsageError(
            "No UI is named to sort for.", Remedy("Name a UI, or set sort.layout in the configuration.", "name-layout")
        )
    return ui_named(name, own_layouts(settings.layouts))


def chosen_rules(
    settings: Settings,
    *,
    layout: str | None = None,
    into: str | Path | None = None,
    mode: str = SortMode.MOVE,
    by: Sequence[str] = (),
    duplicates: str = SortDuplicates.LEAVE,
    rename: bool = False,
) -> SortRules:
    """Return the rules for these words, completed from the configuration.

    Raise UsageError for words that are not valid, and for a UI that has no folders to sort into.
    """
    ui = chosen_ui(settings, layout)
    folder = into or settings.sort.into
    if not folder:
        raise UsageError(
            f"No folder is named to sort into for {ui.title}.",
            Remedy("Name the UI's own folder or its models folder.", "name-into"),
        )
    return rules_for(ui, folder, mode=mode, by=by, duplicates=duplicates, rename=rename)


def rules_for(
    ui: UI | str,
    into: str | Path,
    *,
    mode: str = SortMode.MOVE,
    by: Sequence[str] = (),
    duplicates: str = SortDuplicates.LEAVE,
    rename: bool = False,
) -> SortRules:
    """Return rules whose folder is the one that the UI's folders are relative to.

    The UI's own folder may be named instead of the models folder in it. Raise UsageError as `chosen_rules` does.
    """
    row = ui_named(ui) if isinstance(ui, str) else ui
    if row.registration is not None:
        raise UsageError(
            f"{row.title} has no model folders: it registers models where they are, one sort at a time.",
            Remedy("Sort for it with its address instead.", "register-models", {"ui": row.name}),
        )
    rules = SortRules(
        ui=row,
        into=_folder(row, Path(os.path.abspath(expand_home(into)))),  # noqa: PTH100 - resolve() follows links
        mode=member(SortMode, mode, words=WordKind.MODE),
        by=tuple(dict.fromkeys(member(SortGrouping, word, words=WordKind.GROUPING) for word in by)),
        duplicates=member(SortDuplicates, duplicates, words=WordKind.DUPLICATES),
        rename=rename,
    )
    if rules.into.exists() and not rules.into.is_dir():
        raise UsageError(f"{rules.into} is a file, not a folder to sort into.")
    return rules


def _folder(ui: UI, folder: Path) -> Path:
    """Return the folder that the UI's folders are relative to; the models folder inside it may have been meant."""
    tops = {place.split("/")[0] for place in ui.folders.values()}
    inside = not ui.inner or folder.name.lower() == ui.inner.lower() or any((folder / top).is_dir() for top in tops)
    return folder if inside else folder / ui.inner


def server_for(
    ui: UI,
    address: str,
    *,
    mode: str = SortMode.MOVE,
    by: Sequence[str] = (),
    duplicates: str = SortDuplicates.LEAVE,
    rename: bool = False,
) -> ModelServer:
    """Return the running UI at an address, in which models are registered.

    Raise UsageError for rules that only a UI with folders can follow, and for what is not an address.
    """
    assert ui.registration is not None, f"{ui.name} does not register models"
    rules = (
        ("mode", mode, mode != SortMode.MOVE),
        ("by", ", ".join(by), bool(by)),
        ("duplicates", duplicates, duplicates != SortDuplicates.LEAVE),
        ("rename", "yes", rename),
    )
    for name, word, given in rules:
        if given:
            raise UsageError(f"{ui.title} registers models where they are; it cannot follow the rule {name} = {word}.")
    if not address:
        raise UsageError(
            f"No address is named for {ui.title}.",
            Remedy(f"Name the address of {ui.title}.", "into-address", {"example": ui.registration.example}),
        )
    return ui.registration.connect(address)


def own_layouts(rows: Mapping[str, Mapping[str, str]]) -> tuple[UI, ...]:
    """Return the layouts of the configuration: name → type → template.

    Raise UsageError for unknown types and fields, and for folders outside the one that is sorted into.
    """
    return tuple(_own_layout(name, templates) for name, templates in rows.items())


def _own_layout(name: str, templates: Mapping[str, str]) -> UI:
    folders: dict[ModelType, str] = {}
    for word, template in templates.items():
        kind = find_choice(word, ModelType, WordKind.TYPE)
        if kind is None:
            raise UsageError(
                f"There is no model type `{word}`, which layout.{name} names.",
                f"The types are {', '.join(kind.value for kind in ModelType)}.",
            )
        parts = template.replace("\\", "/").split("/")
        if template.startswith("/") or ".." in parts or (len(template) > 1 and template[1] == ":"):
            raise UsageError(f"`{template}` in layout.{name}.{word} must be below the folder that is sorted into.")
        if unknown := sorted(set(FIELD.findall(template)) - set(FIELDS)):
            raise UsageError(
                f"There is no field `{unknown[0]}`, which layout.{name}.{word} contains.",
                f"The fields are {' '.join(f'{{{field}}}' for field in FIELDS)}.",
            )
        folders[ModelType(kind)] = "/".join(part for part in parts if part)
    return UI(name=name, title=name, folders=folders, diffusers=folders.get(ModelType.BASE))
