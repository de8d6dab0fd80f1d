"""Folders of the library in a UI's JSON settings: added, and removed again with the earlier values restored.

The earlier values are kept in a small file beside the settings, because the settings cannot hold them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError
from modelhub.uis.ui import Folders, SettingsChange

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class JsonKeys:
    """A writer for JSON settings with one key per type. Implements `SettingsWriter`.

    `own_folders`: for keys that hold several folders, the UI's own one relative to its root, which counts where the
    key is missing. Where this is empty, each key holds one folder, and ours replaces it.
    """

    own_folders: Mapping[str, str] = field(default_factory=dict)

    def add(
        self, text: str, folders: Folders, *, file: Path, library: Path, memory: Mapping[str, Any]
    ) -> SettingsChange:
        """Return the settings with our folders. Raise ModelhubError naming the line that is broken."""
        data = read(text, file=file)
        ours = _first(folders)
        cleared, _ = remove_folders(data, memory, ours)
        own = {key: str(file.parent / folder) for key, folder in self.own_folders.items()}
        changed, remembered = add_folders(cleared, ours, lists=own or None)
        return SettingsChange(text=text if changed == data else write(changed, like=text), memory=remembered)

    def remove(self, text: str, folders: Folders, *, file: Path, memory: Mapping[str, Any]) -> SettingsChange:
        """Return the settings with the earlier values. Raise ModelhubError naming the line that is broken."""
        data = read(text, file=file)
        cleared, foreign = remove_folders(data, memory, _first(folders))
        return SettingsChange(text=text if cleared == data else write(cleared, like=text), foreign=foreign)

    def lines(self, folders: Folders, *, library: Path) -> str:
        """Return the keys with their folders as JSON."""
        rows = {key: [folder] if self.own_folders else folder for key, folder in _first(folders).items()}
        return json.dumps(rows, indent=4) + "\n"


def _first(folders: Folders) -> dict[str, str]:
    return {key: str(row[0]) for key, row in folders.items()}


def read(text: str, *, file: Path) -> dict[str, Any]:
    """Return the settings, an empty dict for an empty file. Raise ModelhubError naming the line that is broken."""
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except json.JSONDecodeError as exc:
        raise _broken(file, exc.lineno, exc.msg) from exc
    except (RecursionError, ValueError) as exc:
        raise _broken(file, 1, "it is nested too deeply or holds a number that is too long") from exc
    if not isinstance(data, dict):
        raise _broken(file, 1, "it does not hold an object")
    return data


def _broken(file: Path, line: int, problem: str) -> ModelhubError:
    return ModelhubError(
        f"{file}, line {line}: not valid JSON: {problem}. The file was left as it is.",
        "Repair that line, or move the file away and start the UI, which writes a new one with its defaults.",
    )


def write(data: Mapping[str, Any], *, like: str) -> str:
    """Return the settings as text, with the indentation and line ends of `like`, the text that they came from."""
    indent = re.search(r"^([ \t]+)\S", like, re.MULTILINE)
    space: str | int | None = indent.group(1) if indent else None if len(like.strip()) > 2 else 4
    text = json.dumps(data, indent=space, ensure_ascii=like.isascii())
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        text = json.dumps(data, indent=space)  # a path that is not UTF-8 must be written with escapes
    end = like[len(like.rstrip()) :] if like.strip() else "\n"
    return (text.replace("\n", "\r\n") if "\r\n" in like else text) + end


def add_folders(
    data: Mapping[str, Any], folders: Mapping[str, str], *, lists: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings with our folders, and the earlier values to remember.

    `lists`: keys that hold several folders → the UI's own folder, which counts where the key is missing. None: each
    key holds one folder, and ours replaces it.
    """
    changed, memory = dict(data), {}
    for key, folder in folders.items():
        before = data.get(key, _ABSENT)
        value: object = folder
        if lists is not None:
            several = [lists[key]] if before in (_ABSENT, None) else before if isinstance(before, list) else [before]
            value = [*several, folder]
        memory[key] = {"folder": folder, "after": value} | ({} if before is _ABSENT else {"before": before})
        changed[key] = value
    return changed, memory


def remove_folders(
    data: Mapping[str, Any], memory: Mapping[str, Any], folders: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the settings without our folders, and the keys that another program has changed since, which stay.

    `folders` counts as ours where nothing is remembered.
    """
    changed, foreign = dict(data), []
    for key in {**folders, **memory}:
        known = memory.get(key)
        row = known if isinstance(known, dict) else {}
        folder, value = row.get("folder", folders.get(key)), data.get(key, _ABSENT)
        if value in (row.get("after", _ABSENT), folder) and value is not _ABSENT:
            changed[key] = row.get("before", _ABSENT)
        elif isinstance(value, list) and folder in value:
            changed[key] = [entry for entry in value if entry != folder] or _ABSENT
        elif key in memory and value is not _ABSENT:
            foreign.append(key)
        if changed.get(key) is _ABSENT:
            del changed[key]
    return changed, tuple(foreign)
