"""Shortcuts on macOS: a .command file, an application, and a Quick Action of the Finder.

Formats: developer.apple.com, "Information Property List" and Automator's service bundles. Not tried on a real macOS by
the project's tests: the texts and property lists are.
"""

from __future__ import annotations

import plistlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub.desktop.files import FileHandler
from modelhub.desktop.shortcut import (
    Piece,
    PieceHandler,
    PieceRecord,
    Shortcut,
    click_command,
    file_name,
    single_line,
    titled_actions,
)
from modelhub.language import _

_SHELL_SCRIPT = "com.apple.RunShellScript"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacFolders:
    """Folders of this user."""

    home: Path

    @property
    def desktop(self) -> Path:
        """What the Finder shows as the desktop."""
        return self.home / "Desktop"

    @property
    def applications(self) -> Path:
        """Applications of this user, which Launchpad and Spotlight find."""
        return self.home / "Applications"

    @property
    def services(self) -> Path:
        """Quick Actions."""
        return self.home / "Library" / "Services"


class MacWriter:
    """The writer for macOS, where every piece is a file."""

    name = "macOS"
    targets = frozenset({"desktop", "menu", "filemanager"})

    def __init__(self, places: MacFolders | None = None) -> None:
        self.places = places or MacFolders(home=Path.home())
        self.handlers: Mapping[str, PieceHandler] = {"file": FileHandler()}

    def pieces(self, shortcut: Shortcut, command: Sequence[str], state: Path) -> tuple[Piece, ...]:
        """Return a .command for the desktop, an application for each action, and a bundle for the Finder's menu."""
        name = file_name(shortcut)
        words = click_command(shortcut, command)
        found: list[Piece] = []
        if "desktop" in shortcut.targets:
            found.append(_file(self.places.desktop / f"{name}.command", script(words), executable=True))
        if "menu" in shortcut.targets:
            found += application(self.places.applications / f"{name}.app", shortcut, words, "")
            for option, title in titled_actions():
                path = self.places.applications / f"{name} - {title}.app"
                found += application(path, shortcut, [*words, option], option)
        if "filemanager" in shortcut.targets:
            found += quick_action(self.places.services / f"{name}.workflow", shortcut, words)
        return tuple(found)

    def refresh_desktop(self, pieces: Iterable[PieceRecord]) -> tuple[str, ...]:
        """Return a note on what the user must do once."""
        if any(".workflow" in record.place for record in pieces):
            return (_("If the Finder does not show it: System Settings, Extensions, Finder, and select it there."),)
        return ()


def script(words: Sequence[str], files: str = "") -> str:
    """Return a shell script; `files` is the shell text for the selected files."""
    return f"#!/bin/sh\nexec {' '.join(map(shlex.quote, words))}{files}\n"


def application(path: Path, shortcut: Shortcut, words: Sequence[str], option: str) -> list[Piece]:
    """Return the smallest application bundle; it shows no icon in the Dock while it runs."""
    key = f"{shortcut.id}{option.replace('--', '-')}"
    info = {
        "CFBundleName": single_line(shortcut.name),
        "CFBundleIdentifier": f"org.modelhub.shortcut.{key}",
        "CFBundleExecutable": "modelhub-sort",
        "CFBundlePackageType": "APPL",
        "CFBundleVersion": "1",
        "CFBundleShortVersionString": "1.0",
        "LSUIElement": True,
    }
    return [
        _list(path / "Contents" / "Info.plist", info),
        _file(path / "Contents" / "MacOS" / "modelhub-sort", script(words), executable=True),
    ]


def quick_action(path: Path, shortcut: Shortcut, words: Sequence[str]) -> list[Piece]:
    """Return an Automator service that passes the files selected in the Finder as arguments."""
    name = single_line(shortcut.name)
    info = {
        "NSServices": [
            {
                "NSMenuItem": {"default": name},
                "NSMessage": "runWorkflowAsService",
                "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
                "NSSendFileTypes": ["public.item"],
            }
        ],
        "CFBundleIdentifier": f"org.modelhub.quickaction.{shortcut.id}",
        "CFBundleName": name,
    }
    command = script(words, ' -- "$@"').removeprefix("#!/bin/sh\n")
    action = {
        "AMAccepts": {"Container": "List", "Optional": True, "Types": ["com.apple.cocoa.path"]},
        "AMActionVersion": "2.0.3",
        "AMProvides": {"Container": "List", "Types": ["com.apple.cocoa.string"]},
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": command,
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,  # as arguments
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": _SHELL_SCRIPT,
        "Class Name": "RunShellScriptAction",
        "InputUUID": "6D6F6465-6C68-7562-0000-000000000001",
        "OutputUUID": "6D6F6465-6C68-7562-0000-000000000002",
        "UUID": "6D6F6465-6C68-7562-0000-000000000003",
    }
    flow = {
        "AMApplicationBuild": "521",
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": True}],
        "connectors": {},
        "workflowMetaData": {
            "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "serviceApplicationBundleID": "com.apple.finder",
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }
    return [_list(path / "Contents" / "Info.plist", info), _list(path / "Contents" / "document.wflow", flow)]


def _list(path: Path, content: Mapping[str, Any]) -> Piece:
    return Piece(kind="file", place=str(path), data=plistlib.dumps(dict(content)))


def _file(path: Path, text: str, *, executable: bool = False) -> Piece:
    return Piece(kind="file", place=str(path), data=text.encode("utf-8", "surrogateescape"), executable=executable)
