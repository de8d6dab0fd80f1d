"""Point a UI at the library instead of moving files into it: its settings name the library's folders.

A plan first, which shows all; then a backup of the UI's file, and the new one in its place at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError, NotFoundError, UsageError
from modelhub.storage import errors
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.containment import make_folder
from modelhub.uis import json_settings, yaml_settings
from modelhub.uis.link_interfaces import Interface, interface_named, library_folders

MEMORY = "modelhub-link.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What would be written. `before` and `after` are the file's bytes, None where it is not there.

    `folders`: the UI's words → the library's folders. `memory`: what to keep for taking it out, b"" for nothing.
    """

    interface: Interface
    file: Path
    before: bytes | None
    after: bytes | None
    folders: Mapping[str, tuple[Path, ...]]
    memory: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything would be written."""
        return self.before != self.after


def plan_link(layout: str, into: Path, *, library: Path, remove: bool = False) -> LinkPlan:
    """What linking (or, with `remove`, taking it out) would change. Reads the UI's file and writes nothing.

    Raises UsageError for a UI that has no such file, NotFoundError for a missing folder, ModelhubError naming the line
    for a file that is broken.
    """
    interface = interface_named(layout)
    root, notes = _root(interface, into)
    file = root / interface.file
    before = _bytes(file)
    text, mark = _decoded(before or b"", file)
    folders = library_folders(interface.keys, library)
    if not folders and not remove:
        raise ModelhubError(f"None of the library's folders can be made in {library}.", "Check who may write there.")
    memory: bytes | None = None
    foreign: tuple[str, ...] = ()
    if interface.file.endswith(".yaml"):
        changed = yaml_settings.take_out(text, file=file) if remove else _with_block(text, library, folders, file)
    else:
        changed, memory, foreign = _with_keys(text, interface, root, folders, remove=remove)
    notes += tuple(f"{key} was changed since by somebody else and stays as it is." for key in foreign)
    after = mark + changed.encode("utf-8", "surrogateescape") if changed or before else None
    if remove and changed.strip() in ("", "{}"):
        after = None  # nothing but ours was in it, and ComfyUI may not start with an empty one
    return LinkPlan(
        interface=interface,
        file=file,
        before=before,
        after=after,
        folders=folders,
        memory=memory,
        notes=notes if remove else notes + interface.notes,
    )


def carry_out(plan: LinkPlan, *, now: datetime | None = None) -> Path | None:
    """Write what was planned; the backup of the file that was there, None where nothing but ours was in it.

    Raises ModelhubError: for a file that changed since the plan, or that cannot be written; it is then as it was.
    """
    if not plan.changes:
        return None
    if _bytes(plan.file) != plan.before:
        raise ModelhubError(f"{plan.file} was changed just now by another program.", "Run the command again.")
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


def _root(interface: Interface, into: Path) -> tuple[Path, tuple[str, ...]]:
    """The UI's own folder, also where its models folder or the package around it was named; a doubt as a note."""
    given = Path(os.path.abspath(into.expanduser()))  # noqa: PTH100 - resolve() would follow links
    if not given.is_dir():
        hint = f"Name the folder that {interface.title} is installed in: --into DIR."
        raise NotFoundError(f"There is no folder {given}.", hint)
    for place in (given, given / interface.title, given.parent):
        near = place != given.parent or given.name.casefold() == "models"
        if near and any((place / mark).exists() for mark in interface.marks):
            return place, ()
    place = given.parent if given.name.casefold() == "models" else given
    return place, (f"{place} does not look like {interface.title}'s folder: {interface.marks[0]} is not there.",)


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
            f"{file}, line {line}: this is no UTF-8 text. The file was left as it is.",
            "Save it as UTF-8 and try again.",
        ) from exc


def _with_block(text: str, library: Path, folders: Mapping[str, tuple[Path, ...]], file: Path) -> str:
    return yaml_settings.put_in(text, *yaml_words(library, folders), file=file)


def yaml_words(library: Path, folders: Mapping[str, tuple[Path, ...]]) -> tuple[str, dict[str, list[str]]]:
    """The library as `base_path` and its folders below it; "" and whole paths where ComfyUI would read another one.

    It replaces `$name` and `%name%` in `base_path` only. Raises UsageError for a path that YAML cannot hold.
    """
    base = str(library)
    if any("\ud800" <= c <= "\udfff" for c in base) or "\n" in base:
        raise UsageError(f"{base!r} cannot be written into a YAML file.", "Give the library a name in plain Unicode.")
    if not set("$%") & set(base):
        return base, {key: [f.relative_to(library).as_posix() for f in row] for key, row in folders.items()}
    return "", {key: [str(folder) for folder in row] for key, row in folders.items()}


def _with_keys(
    text: str, interface: Interface, root: Path, folders: Mapping[str, tuple[Path, ...]], *, remove: bool
) -> tuple[str, bytes | None, tuple[str, ...]]:
    """The settings' new text, what to remember, and the keys that somebody else changed since."""
    file = root / interface.file
    data = json_settings.read(text, file=file)
    ours = {key: str(row[0]) for key, row in folders.items()}
    cleared, foreign = json_settings.take_out(data, _memory(root), ours)
    if remove:
        return (json_settings.written(cleared, text) if cleared != data else text), b"", foreign
    own = None if interface.own is None else {key: str(root / place) for key, place in interface.own.items()}
    changed, memory = json_settings.put_in(cleared, ours, lists=own)
    about = f"What stood in {interface.file} before `modelhub link`; `modelhub link --remove` needs it."
    kept = json.dumps({"about": about, "keys": memory}, indent=4) + "\n"
    return (json_settings.written(changed, text) if changed != data else text), kept.encode("ascii"), ()


def _memory(root: Path) -> dict[str, Any]:
    content = _bytes(root / MEMORY)
    try:
        keys = json.loads(content)["keys"] if content else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}  # then only what is certainly ours is taken out
    return keys if isinstance(keys, dict) else {}
