"""One user interface as data: how it is recognized, where it keeps each type of model, and how it is linked.

Every UI is a row in a file of its own; `registry.py` lists them. Folders are relative to the UI's own folder or, where
the row has an `inner` folder, to that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from modelhub.domain import Architecture, Format, ModelType
from modelhub.errors import NetworkError, Remedy

# A UI's key or flag → folders of the library.
Folders = Mapping[str, tuple[Path, ...]]
# Algorithms that a UI with a LyCORIS folder keeps apart from plain LoRAs.
_LYCORIS = frozenset(("locon", "loha", "lokr", "glora", "ia3", "oft", "diag-oft", "boft", "full", "dylora"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """A new text for a UI's settings file.

    `memory`: the earlier values, kept so that they can be restored; None where nothing is replaced. `foreign`: keys
    that another program has changed since, which stay as they are.
    """

    text: str
    memory: Mapping[str, Any] | None = None
    foreign: tuple[str, ...] = ()


class SettingsWriter(Protocol):
    """A writer that adds the library's folders to a settings file of one format, and removes them again.

    `file` is named in errors. Each method raises ModelhubError, naming the line, for a file that is broken.
    """

    def add(
        self, text: str, folders: Folders, *, file: Path, library: Path, memory: Mapping[str, Any]
    ) -> SettingsChange:
        """Return the settings with our folders in place of those of an earlier link."""

    def remove(self, text: str, folders: Folders, *, file: Path, memory: Mapping[str, Any]) -> SettingsChange:
        """Return the settings as they were before they were linked."""

    def lines(self, folders: Folders, *, library: Path) -> str:
        """Return what a user who edits the file by hand must add to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """A settings file in which a UI can be given folders of the library.

    `name`: relative to the UI's own folder. `keys`: type → key in the file. `notes`: what the user must do or know
    after linking.
    """

    name: str
    writer: SettingsWriter
    keys: Mapping[ModelType, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """Command-line flags with which a UI is given folders of the library.

    `keys`: type → flag. `lines`: the flags with their folders → name of a start file → the line to put into it.
    """

    keys: Mapping[ModelType, str]
    lines: Callable[[Folders], Mapping[str, str]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLinkable:
    """The reason why a UI cannot use folders outside its own, and what to do instead."""

    reason: str
    remedy: Remedy


class ServerUnreachableError(NetworkError):
    """A running UI that does not answer, so that trying further models is useless."""


class ModelServer(Protocol):
    """A running UI in which models are registered through its API."""

    @property
    def address(self) -> str:
        """The address at which it answers."""

    def register(self, path: Path) -> bool:
        """Register a model where it is; return False if the UI has it already.

        Raise ServerUnreachableError when the UI does not answer, NetworkError when it refuses the model.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The API of a UI that has no model folders. `connect` raises UsageError for what is not an address."""

    types: frozenset[ModelType]
    connect: Callable[[str], ModelServer]
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UI:
    """One UI, or a layout of the user's own.

    `marks`: files and folders of which its own folder has at least one. `folders`: type → folder, without the types
    that it has no place for; in a user's own layout a template with fields in braces. `diffusers`: the folder for
    whole diffusers folders, None when it cannot load them. `lycoris`: a separate folder for LoRA-like algorithms.
    `inner`: the models folder inside the UI's own folder. `suffixes`: type → the suffixes that it lists there, where
    known. `architectures`: the only ones that it runs, empty where that is not known. `prompts`: type → prompt text
    with `{name}`. `nodes`: type → the node that loads it; a UI of nodes names files with the sub-folders they are in.
    `menus`: type → the list on the page in which such a model is chosen.
    `featured`: whether `show` names its folders and prompt text.
    """

    name: str
    title: str
    marks: tuple[str, ...] = ()
    folders: Mapping[ModelType, str] = field(default_factory=dict)
    diffusers: str | None = None
    lycoris: str | None = None
    inner: str = ""
    suffixes: Mapping[ModelType, frozenset[str]] = field(default_factory=dict)
    architectures: frozenset[Architecture] = frozenset()
    link: SettingsFile | Flags | NotLinkable | None = None
    registration: Registration | None = None
    prompts: Mapping[ModelType, str] = field(default_factory=dict)
    nodes: Mapping[ModelType, str] = field(default_factory=dict)
    menus: Mapping[ModelType, str] = field(default_factory=dict)
    featured: bool = False

    def folder_for(
        self, type: ModelType, *, algorithm: str | None = None, format: Format | None = None
    ) -> PurePosixPath | None:
        """Return the folder for such a model; None where the UI has no place for it."""
        folder = self.folders.get(type)
        if format is Format.DIFFUSERS and type is ModelType.BASE:
            folder = self.diffusers
        elif type is ModelType.LORA and self.lycoris and algorithm in _LYCORIS:
            folder = self.lycoris
        return PurePosixPath(folder) if folder else None

    def is_at(self, folder: Path) -> bool:
        """Return whether a folder looks like the UI's own."""
        return any((folder / mark).exists() for mark in self.marks)
