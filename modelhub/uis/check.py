"""Check the row of a UI that a plug-in brings, so that using it can neither fail nor leave the UI's folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from modelhub.domain import ModelType
from modelhub.uis.ui import UI, Flags, NotLinkable, Registration, SettingsFile

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_LINKS = (SettingsFile, Flags, NotLinkable, type(None))


def problem_of(row: UI) -> str:
    """Return what is wrong with a row as a sentence, "" for nothing."""
    ui: Any = row  # a plug-in's author may not have checked its types
    if not isinstance(ui.name, str) or not _NAME.fullmatch(ui.name):
        return f"Its name {ui.name!r} is not a word in lower case."
    if not isinstance(ui.title, str) or not ui.title.isprintable():
        return f"Its title {ui.title!r} is not a text in one line."
    for field in ("folders", "prompts", "suffixes", "nodes", "menus"):
        if not _is_by_type(getattr(ui, field)):
            return f"Its `{field}` do not map types of models."
    if isinstance(ui.marks, str) or not isinstance(ui.marks, Iterable):
        return "Its `marks` are not a sequence of texts."
    folders = [*ui.folders.values(), *ui.marks, *(text for text in (ui.diffusers, ui.lycoris) if text is not None)]
    outside = [folder for folder in (*folders, ui.inner or ".") if not _is_inside(folder)]
    if outside:
        return f"Its folder {outside[0]!r} is not a path inside the UI's folder."
    for field in ("prompts", "nodes", "menus"):
        if not all(isinstance(text, str) for text in getattr(ui, field).values()):
            return f"Its `{field}` are not texts."
    if not isinstance(ui.link, _LINKS) or not isinstance(ui.registration, Registration | None):
        return "Its `link` or `registration` has a wrong type."
    return ""


def _is_by_type(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, ModelType) for key in value)


def _is_inside(folder: object) -> bool:
    """Return whether this is a relative path, on every system, that does not lead out; braces are for templates."""
    if not isinstance(folder, str) or not folder.isprintable() or set(folder) & set("{}"):
        return False
    windows = PureWindowsPath(folder)
    return not (windows.drive or windows.root or ".." in windows.parts or PurePosixPath(folder).is_absolute())
