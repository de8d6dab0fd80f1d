"""What a shortcut is, and what it consists of on a desktop: values that every platform shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from modelhub.errors import ModelhubError
from modelhub.storage.safe_names import safe_name

# The files that a shortcut is offered for; UIs use no others for models.
SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
# What the menu of a shortcut offers besides: the option of the click, and its name there.
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
        """For the manifest."""
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
        """Out of the manifest. Raises KeyError, TypeError."""
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
    same for all shortcuts, and removed with the last of them. `trusted`: the desktop is told that it may be launched.
    """

    kind: str
    place: str
    data: bytes
    executable: bool = False
    trusted: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRecord:
    """What the manifest knows of a piece: `digest` is that of what was or will be written, "" while nobody can know."""

    kind: str
    place: str
    digest: str


class PieceHandler(Protocol):
    """How one kind of piece is written, looked at and removed."""

    def digest(self, place: str, mark: str) -> str | None:
        """A digest of what is there now; None when nothing is. `mark`: the shortcut's id. Raises OSError."""

    def planned(self, piece: Piece) -> str:
        """The digest that it will have; "" when only writing tells."""

    def write(self, piece: Piece, mark: str) -> str:
        """Write it and return its digest. Raises OSError, ModelhubError."""

    def remove(self, place: str, mark: str) -> None:
        """Take it away. Raises OSError."""


class PlatformWriter(Protocol):
    """A platform: which pieces a shortcut has there, and who keeps each kind."""

    name: str
    targets: frozenset[str]
    handlers: Mapping[str, PieceHandler]

    def pieces(self, shortcut: Shortcut, command: Sequence[str], state: Path) -> tuple[Piece, ...]:
        """Everything to be written, in this order. Pure."""

    def refresh_desktop(self, pieces: Iterable[PieceRecord]) -> tuple[str, ...]:
        """What the desktop must be told after a change; returns notes for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult:
    """What was written, and what the person should know."""

    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalResult:
    """What was taken away, and what stayed because it was changed since."""

    removed: tuple[str, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """A shortcut in the manifest with its records."""

    shortcut: Shortcut
    records: tuple[PieceRecord, ...] = field(default=())


def click_command(shortcut: Shortcut, command: Sequence[str]) -> list[str]:
    """The command line of a click; options and files follow."""
    return [*command, "shortcut", "click", shortcut.id]


def single_line(text: str) -> str:
    """A name without what could end a line of a file."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def file_name(shortcut: Shortcut) -> str:
    """The shortcut's name as a file name without suffix, with room for one and for the title of an action."""
    text = re.sub(r"[/\\:]", "-", single_line(shortcut.name)).encode("utf-8", "replace")[:_NAME_MAX]
    return safe_name(text.decode(errors="ignore"), fallback=shortcut.id)


def occupied_error(piece: Piece) -> ModelhubError:
    """Something else is where a piece would be written."""
    if piece.kind == "action":
        hint = "Delete that action in Thunar (Edit, Configure custom actions); nothing was written."
        return ModelhubError(f"{piece.place} already holds an action of this shortcut's id.", hint)
    return ModelhubError(
        f"{piece.place} is there already and not ours.",
        "Move it away, or choose another --target; nothing was written.",
    )
