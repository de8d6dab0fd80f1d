"""Point a UI at the library instead of moving files into it: its settings name the library's folders.

A plan first, which shows everything; then a backup of the UI's file, which is replaced as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from modelhub.choices import nearest
from modelhub.domain import ModelType
from modelhub.errors import ModelhubError, NotFoundError, Remedy, UsageError
from modelhub.home import expand_home
from modelhub.storage import errors
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.containment import make_folder
from modelhub.uis.library import LIBRARY
from modelhub.uis.registry import linkable, ui_named
from modelhub.uis.ui import UI, Flags, Folders, NotLinkable, SettingsFile
from modelhub.words import WordKind

MEMORY = "modelhub-link.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """The change of a UI's settings file. `before` and `after` are its bytes, None where the file does not exist.

    `folders`: the UI's keys → the library's folders. `memory`: the content of the file that keeps the earlier values,
    b"" to delete that file, None to leave it.
    """

    ui: UI
    settings: SettingsFile
    file: Path
    before: bytes | None
    after: bytes | None
    folders: Folders
    memory: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Return whether anything would be written."""
        return self.before != self.after


def linkable_ui(name: str) -> tuple[UI, SettingsFile | Flags]:
    """Return the UI of that name and how it is linked.

    Raise UsageError, for a UI that cannot use folders outside its own with what to do instead.
    """
    ui = next((ui for ui in linkable() if ui.name.lower() == name.lower()), None) or _other_ui(name)
    if isinstance(ui.link, SettingsFile | Flags):
        return ui, ui.link
    reason = ui.link or NotLinkable(reason=f"{ui.title} cannot be linked.", remedy=Remedy(_choices()))
    raise UsageError(reason.reason, reason.remedy)


def _other_ui(name: str) -> UI:
    try:
        ui = ui_named(name)
    except UsageError as exc:
        remedy = nearest(name, [ui.name for ui in linkable()], words=WordKind.UI)
        raise UsageError(f"There is no UI called `{name}` to link.", remedy) from exc
    if ui is LIBRARY:
        raise UsageError("The library cannot be linked to itself.", _choices())
    return ui


def _choices() -> str:
    return f"Choose one of: {', '.join(ui.name for ui in linkable())}."


def library_folders(keys: Mapping[ModelType, str], library: Path) -> dict[str, tuple[Path, ...]]:
    """Return the UI's keys → the library's folders for them, only those that exist or can be created."""
    found: dict[str, list[Path]] = {}
    for kind, key in keys.items():
        folder = library / LIBRARY.folders[kind]
        if _is_usable(folder) and folder not in found.setdefault(key, []):
            found[key].append(folder)
    return {key: tuple(folders) for key, folders in found.items() if folders}


def _is_usable(folder: Path) -> bool:
    if os.path.lexists(folder):
        return folder.is_dir()
    above = next((place for place in folder.parents if place.exists()), None)
    return above is not None and above.is_dir() and os.access(above, os.W_OK)


def plan_link(name: str, into: Path, *, library: Path, remove: bool = False) -> LinkPlan:
    """Return what linking (or, with `remove`, removing the link) would change. Reads the UI's file, writes nothing.

    Raise UsageError for a UI without such a file, NotFoundError for a missing folder, ModelhubError naming the line
    for a file that is broken.
    """
    ui, settings = linkable_ui(name)
    if not isinstance(settings, SettingsFile):
        raise UsageError(f"{ui.title} is linked with command-line flags; it has no settings file for its folders.")
    root, notes = _root(ui, into)
    file = root / settings.name
    before = _bytes(file)
    text, mark = _decoded(before or b"", file)
    folders = library_folders(settings.keys, library)
    if not folders and not remove:
        raise ModelhubError(f"No folder can be created in {library}.", "Check that you may write there.")
    memory = _memory(root)
    if remove:
        change = settings.writer.remove(text, folders, file=file, memory=memory)
    else:
        change = settings.writer.add(text, folders, file=file, library=library, memory=memory)
    notes += tuple(f"{key} was changed by another program and stays as it is." for key in change.foreign)
    after = mark + change.text.encode("utf-8") if change.text or before else None
    if remove and change.text.strip() in ("", "{}"):
        after = None  # the file held only our lines, and a UI may not start with an empty one
    return LinkPlan(
        ui=ui,
        settings=settings,
        file=file,
        before=before,
        after=after,
        folders=folders,
        memory=b"" if remove else _memory_file(settings, change.memory),
        notes=notes if remove else notes + settings.notes,
    )


def carry_out(plan: LinkPlan, *, now: datetime | None = None) -> Path | None:
    """Write what was planned; return the backup of the earlier file, None where nothing of the user's was in it.

    Raise ModelhubError for a file that has changed since the plan, or that cannot be written; it is then unchanged.
    """
    if not plan.changes:
        return None
    if _bytes(plan.file) != plan.before:
        raise ModelhubError(f"{plan.file} was just changed by another program.", "Try again.")
    if plan.after is not None:
        for folder in (folder for folders in plan.folders.values() for folder in folders):
            make_folder(folder)
    backup = None
    if plan.before is not None and plan.after is not None:
        backup = _back_up(plan.file, plan.before, now or datetime.now())
    remembered = plan.file.with_name(MEMORY)
    if plan.memory:
        replace_file(remembered, plan.memory)
    if plan.after is not None:
        replace_file(plan.file, plan.after)
    else:
        _remove(plan.file)
    if plan.memory == b"":
        _remove(remembered)
    return backup


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as exc:
        raise errors.from_os_error(exc, file, "remove") from exc


def _back_up(file: Path, content: bytes, now: datetime) -> Path:
    stem = f"{file.name}.{now:%Y%m%d-%H%M%S}"
    backup = next(
        path
        for number in range(10_000)
        if not os.path.lexists(path := file.with_name(f"{stem}{f'-{number}' if number else ''}.bak"))
    )
    replace_file(backup, content)
    return backup


def _root(ui: UI, into: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the UI's own folder, also where its models folder or the package around it was named; a doubt as a note.

    The packages for Windows hold the UI in a folder named by its title.
    """
    given = Path(os.path.abspath(expand_home(into)))  # noqa: PTH100 - resolve() would follow links
    if not given.is_dir():
        raise NotFoundError(
            f"{given} is not a folder.",
            Remedy(f"Name the folder that {ui.title} is installed in.", "into-ui-folder", {"title": ui.title}),
        )
    for place in (given, given / ui.title, given.parent):
        near = place != given.parent or given.name.casefold() == "models"
        if near and ui.is_at(place):
            return place, ()
    place = given.parent if given.name.casefold() == "models" else given
    return place, (f"{place} does not look like {ui.title}'s folder: {ui.marks[0]} is not there.",)


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise errors.from_os_error(exc, file, "read") from exc


def _decoded(content: bytes, file: Path) -> tuple[str, bytes]:
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    try:
        return content[len(mark) :].decode("utf-8"), mark
    except UnicodeDecodeError as exc:
        line = content[: len(mark) + exc.start].count(b"\n") + 1
        raise ModelhubError(
            f"{file}, line {line}: not UTF-8 text. The file was left as it is.", "Save it as UTF-8 and try again."
        ) from exc


def _memory_file(settings: SettingsFile, memory: Mapping[str, Any] | None) -> bytes | None:
    if memory is None:
        return None
    about = f"The values of {settings.name} before `modelhub link`; `modelhub link --remove` needs them."
    return (json.dumps({"about": about, "keys": memory}, indent=4) + "\n").encode("ascii")


def _memory(root: Path) -> dict[str, Any]:
    content = _bytes(root / MEMORY)
    try:
        keys = json.loads(content)["keys"] if content else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}  # then only what is certainly ours is removed
    return keys if isinstance(keys, dict) else {}
