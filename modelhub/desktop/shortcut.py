"""Shortcuts and the pieces that they consist of on a desktop: types that every platform shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from modelhub.errors import ModelhubError, Remedy
from modelhub.language import _, translate
from modelhub.storage.safe_names import safe_name

# The files that a shortcut is offered for; UIs use no others for models.
SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
# Further entries in the menu of a shortcut: the option of the click, and its title there, in English.
ACTIONS: tuple[tuple[str, str], ...] = (
    ("--dry-run", "Dry run"),
    ("--undo", "Undo last"),
    ("--report", "Open report"),
)

_NAME_MAX = 200  # bytes of the 255 that file systems allow


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """One shortcut: a plain click sorts `folder` for `layout` into `into`; `options` are further words for `sort`."""

    id: str
    name: str
    folder: Path
    layout: str
    into: Path
    targets: tuple[str, ...]
    options: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the shortcut as it is stored in the manifest."""
        return {
            "id": self.id,
            "name": self.name,
            "folder": str(self.folder),
            "layout": self.layout,
            "into": str(self.into),
            "targets": list(self.targets),
            "options": list(self.options),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Shortcut:
        """Read a shortcut of the manifest. Raise KeyError, TypeError."""
        return cls(
            id=str(found["id"]),
            name=str(found["name"]),
            folder=Path(found["folder"]),
            layout=str(found["layout"]),
            into=Path(found["into"]),
            targets=tuple(found["targets"]),
            options=tuple(found["options"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One thing to be written. `place` is a path, or a key of the registry; `data` is what it must hold afterwards.

    `kind`: "file", "action" (an entry in Thunar's file of custom actions), "link" (.lnk) or "registry". `shared`: the
    same for all shortcuts, and removed with the last of them. `trusted`: the desktop marks it as safe to launch.
    """

    kind: str
    place: str
    data: bytes
    executable: bool = False
    trusted: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRecord:
    """A piece in the manifest. `digest`: that of the written content, "" while it cannot be known."""

    kind: str
    place: str
    digest: str


class PieceHandler(Protocol):
    """A handler that writes, reads and removes one kind of piece."""

    def digest(self, place: str, mark: str) -> str | None:
        """Return the digest of the present content, None without any. `mark`: the shortcut's id. Raise OSError."""

    def planned(self, piece: Piece) -> str:
        """Return the digest that it will have; "" when it is known only afterwards."""

    def write(self, piece: Piece, mark: str) -> str:
        """Write it and return its digest. Raise OSError, ModelhubError."""

    def remove(self, place: str, mark: str) -> None:
        """Remove it. Raise OSError."""


class PlatformWriter(Protocol):
    """A platform: the pieces of a shortcut there, and the handler of each kind."""

    name: str
    targets: frozenset[str]
    handlers: Mapping[str, PieceHandler]

    def pieces(self, shortcut: Shortcut, command: Sequence[str], state: Path) -> tuple[Piece, ...]:
        """Return the pieces to write, in this order. Pure."""

    def refresh_desktop(self, pieces: Iterable[PieceRecord]) -> tuple[str, ...]:
        """Have the desktop notice a change; return notes for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult:
    """The paths that were written, and notes for the user."""

    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalResult:
    """The pieces that were removed, and those kept because they have changed."""

    removed: tuple[str, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """A shortcut in the manifest with its records."""

    shortcut: Shortcut
    records: tuple[PieceRecord, ...] = field(default=())


def click_command(shortcut: Shortcut, command: Sequence[str]) -> list[str]:
    """Return the command line of a click, which options and files follow."""
    return [*command, "shortcut", "click", shortcut.id]


def titled_actions() -> tuple[tuple[str, str], ...]:
    """Return the option of each further entry with its title in the language in use."""
    return tuple((option, translate(title)) for option, title in ACTIONS)


def describe(shortcut: Shortcut) -> str:
    """Return what a click does, as the desktop shows it beside the name."""
    return single_line(_("Sort {folder} for {ui}", folder=shortcut.folder, ui=shortcut.layout))


def describe_selection(shortcut: Shortcut) -> str:
    """Return what an entry in the context menu does with the files that are selected."""
    return single_line(_("Sort for {ui}", ui=shortcut.layout))


def single_line(text: str) -> str:
    """Return a name without line ends and other control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def file_name(shortcut: Shortcut) -> str:
    """Return the shortcut's name as a file name without suffix, with room for one and for the title of an action."""
    text = re.sub(r"[/\\:]", "-", single_line(shortcut.name)).encode("utf-8", "replace")[:_NAME_MAX]
    return safe_name(text.decode(errors="ignore"), fallback=shortcut.id)


def occupied_error(piece: Piece) -> ModelhubError:
    """Return the error for a place where there is something else."""
    if piece.kind == "action":
        hint = "Delete that action in Thunar (Edit, Configure custom actions); nothing was written."
        return ModelhubError(f"{piece.place} already has an action with this shortcut's id.", hint)
    return ModelhubError(
        f"{piece.place} exists already, and no shortcut wrote it.",
        Remedy("Nothing was written. Move it away, or choose another target.", "shortcut-target"),
    )
