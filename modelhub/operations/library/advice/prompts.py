"""Texts to paste into a prompt, and the name that a model has in each UI."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from modelhub.domain import Detection, Location, LocationState, ModelRecord, ModelType
from modelhub.storage.copy_marks import has_copy_mark, without_copy_mark
from modelhub.storage.model_names import model_stem, suffix_of
from modelhub.uis.registry import all_uis
from modelhub.uis.ui import UI

SHOWN_WORDS = 6
# A hub's words may hold the tags of its own examples: a line to paste must load this model and no other.
_TAG = re.compile(r"<\w+:[^<>]*>")


def featured_uis() -> tuple[UI, ...]:
    """Return the UIs that advice names."""
    return tuple(ui for ui in all_uis() if ui.featured)


def prompt_texts(detection: Detection, stem: str) -> dict[str, str]:
    """Return the texts to paste into a prompt → the UIs that take them; none when the type is not used in prompts."""
    return _grouped((ui, prompt_text(ui, detection, stem)) for ui in featured_uis())


def record_prompt_texts(record: ModelRecord) -> dict[str, str]:
    """Return the texts to paste for a model of the catalog, each with the name that its file has in that UI."""
    return _grouped((ui, prompt_text(ui, record.detection, name_in_prompt(record, ui))) for ui in featured_uis())


def prompt_text(ui: UI, detection: Detection, name: str) -> str:
    """Return what to paste in one UI, "" where prompts of this UI do not name such a model."""
    template = ui.prompts.get(detection.type)
    if not template:
        return ""
    if unwritable(template, name):
        return ""
    text = template.format(name=name)
    words = ", ".join(prompt_words(detection)[:SHOWN_WORDS])
    return f"{text} {words}" if words and detection.type is not ModelType.EMBEDDING else text


def prompt_words(detection: Detection) -> list[str]:
    """Return the trigger words as a prompt takes them: without tags, which would load another model."""
    plain = (" ".join(_TAG.sub(" ", word.word).split()).strip(" ,") for word in detection.trigger_words)
    return list(dict.fromkeys(word for word in plain if word))


def unwritable(template: str, name: str) -> str:
    """Return the first character of a name that a prompt cannot hold there, "" where it can be written.

    Tags are split at colons and end with `>`; ComfyUI ends the name of an embedding at a space; brackets weight a word.
    """
    if template.startswith("<"):
        ends = "<>:"
    else:
        ends = "()[]" if template == "{name}" else " ()"
    return next((character for character in name if character in ends), "")


def unwritable_names(record: ModelRecord) -> dict[str, str]:
    """Return the characters for which prompts cannot name a model → the UIs."""
    kind = record.detection.type
    found: dict[str, list[str]] = {}
    for ui in featured_uis():
        template = ui.prompts.get(kind)
        if template and (character := unwritable(template, name_in_prompt(record, ui))):
            found.setdefault(character, []).append(ui.title)
    return {character: " / ".join(titles) for character, titles in found.items()}


def _grouped(texts: Iterable[tuple[UI, str]]) -> dict[str, str]:
    groups: dict[str, list[str]] = {}
    for ui, text in texts:
        if text:
            groups.setdefault(text, []).append(ui.title)
    return {text: " / ".join(titles) for text, titles in groups.items()}


def best_place(record: ModelRecord) -> Location | None:
    """Return the place whose name a UI should show: a present one, rather the original than a copy's."""
    places = record.main.locations if record.files else ()
    order = {
        place: (place.state is not LocationState.PRESENT, has_copy_mark(_stem(place)), number)
        for number, place in enumerate(places)
    }
    return min(places, key=lambda place: order[place], default=None)


def name_in_prompt(record: ModelRecord, ui: UI) -> str:
    """Return what a prompt calls a model: its file's stem without a copy's mark; in a UI of nodes with sub-folders."""
    place = best_place(record)
    if place is None:
        return record.name
    folder = _sub_folder(place, record.detection.type, ui) if ui.nodes else ""
    return f"{folder}{without_copy_mark(_stem(place))}"


def name_in_list(record: ModelRecord, ui: UI) -> str:
    """Return the name under which a UI lists a file: with its suffix, and the sub-folder that it is in."""
    place = best_place(record)
    if place is None:
        return record.name
    kind = record.detection.type
    # A1111 and Forge list VAEs by their names alone.
    folder = "" if kind is ModelType.VAE and ui.menus else _sub_folder(place, kind, ui)
    return f"{folder}{PurePosixPath(place.relative).name}"


def is_listed(record: ModelRecord, ui: UI) -> bool:
    """Return whether a UI lists a model's file: one with a suffix that it knows, of an architecture that it runs."""
    place = best_place(record)
    if place is None:
        return False
    suffixes, family = ui.suffixes.get(record.detection.type), record.detection.architecture
    if suffixes is not None and suffix_of(place.relative) not in suffixes:
        return False
    return not (ui.architectures and family and family not in ui.architectures)


def is_named_as_copy(record: ModelRecord) -> bool:
    """Return whether a model has only places whose names have the mark of a copy."""
    place = best_place(record)
    return place is not None and has_copy_mark(_stem(place))


def plain_file_name(record: ModelRecord) -> str:
    """Return the name of a model's file without the mark of a copy."""
    place = best_place(record)
    name = PurePosixPath(place.relative).name if place else record.name
    stem = model_stem(name)
    return f"{without_copy_mark(stem)}{name[len(stem) :]}"


def _stem(place: Location) -> str:
    return model_stem(PurePosixPath(place.relative).name)


def _sub_folder(place: Location, kind: ModelType, ui: UI) -> str:
    """Return the folders between a UI's or the library's folder of a type and the file, with a slash at the end."""
    parts = Path(place.path).parent.parts
    own = ui.folder_for(kind)
    for folder in (PurePosixPath(ui.inner, *own.parts).parts if own else (), (kind.value,)):
        for start in range(len(parts) - len(folder), 0, -1):
            if folder and parts[start : start + len(folder)] == folder:
                return "".join(f"{part}/" for part in parts[start + len(folder) :])
    return ""
