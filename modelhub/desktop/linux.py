"""Shortcuts on Linux and the BSDs: desktop entries and the context menus of five file managers.

Formats: freedesktop.org's Desktop Entry Specification 1.4 (1.5 is refused by older validators), Shared MIME-info
Database, and DES-EMA file manager actions; each file manager's own documentation. Every entry runs one launcher script
of a plain path, because programs disagree on how `%` and quotes are written in `Exec`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from xml.sax.saxutils import escape

from modelhub.desktop.shortcut import (
    ACTIONS,
    SUFFIXES,
    Piece,
    PieceHandler,
    PieceRecord,
    Shortcut,
    click_command,
    describe,
    describe_selection,
    file_name,
    single_line,
    titled_actions,
)
from modelhub.desktop.thunar import ThunarActionHandler, action_xml
from modelhub.desktop.trusted_files import TrustedFileHandler, refresh_database, requires_trust
from modelhub.errors import UsageError
from modelhub.language import _

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MIME_TYPES = ("application/x-safetensors", "application/x-stable-diffusion-checkpoint")
_MIME_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="application/x-safetensors">
    <comment>{safetensors}</comment>
    <glob pattern="*.safetensors"/>
  </mime-type>
  <mime-type type="application/x-stable-diffusion-checkpoint">
    <comment>{checkpoint}</comment>
    <glob pattern="*.ckpt"/>
  </mime-type>
</mime-info>
"""
_MENU_MIME = (*MIME_TYPES, "application/octet-stream", "application/zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxFolders:
    """The folders of a desktop: its own, XDG_DATA_HOME, XDG_CONFIG_HOME, the system's configuration."""

    desktop: Path
    data: Path
    config: Path
    system: Path = Path("/etc/xdg")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> LinuxFolders:
        """Read the folders from the environment and user-dirs.dirs (freedesktop.org's xdg-user-dirs)."""
        home = Path(environ.get("HOME") or Path.home())
        data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        return cls(desktop=_desktop_folder(config / "user-dirs.dirs", home), data=data, config=config)


def _desktop_folder(file: Path, home: Path) -> Path:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return home / "Desktop"
    found = re.search(r'^\s*XDG_DESKTOP_DIR="(.*)"\s*$', text, re.MULTILINE)
    if found is None:
        return home / "Desktop"
    value = re.sub(r"\\(.)", r"\1", found[1])
    return home / value.removeprefix("$HOME").lstrip("/") if value.startswith("$HOME") else Path(value)


class LinuxWriter:
    """Desktop, menu, file managers, and Thunar's and PCManFM's "Send to"."""

    name = "Linux"
    targets = frozenset({"desktop", "menu", "filemanager", "sendto"})

    def __init__(self, places: LinuxFolders | None = None, *, session: str | None = None) -> None:
        self.places = places or LinuxFolders.of(os.environ)
        self.session = os.environ.get("XDG_CURRENT_DESKTOP", "") if session is None else session
        self.files = TrustedFileHandler()
        self.handlers: Mapping[str, PieceHandler] = {
            "file": self.files,
            "action": ThunarActionHandler(self.places.system / "Thunar" / "uca.xml"),
        }

    def pieces(self, shortcut: Shortcut, command: Sequence[str], state: Path) -> tuple[Piece, ...]:
        """Return the launcher and the icon, then the pieces of each target."""
        launcher = state / "shortcuts" / f"{shortcut.id}.sh"
        if _CONTROLS.search(str(launcher)):  # desktop entries are lines, and XML has no such characters
            raise UsageError(
                f"Shortcuts cannot be kept in {state}: the name has control characters.",
                "Choose another folder in the setting `state`.",
            )
        icon = state / "shortcuts" / "modelhub.svg"
        found = [
            _file(launcher, launcher_script(shortcut, command), executable=True),
            Piece(kind="file", place=str(icon), data=icon_data(), shared=True),
        ]
        makers = {
            "desktop": self._desktop,
            "menu": self._menu,
            "filemanager": self._file_managers,
            "sendto": self._send_to,
        }
        for target in shortcut.targets:
            found += makers[target](shortcut, launcher, icon)
        return tuple(found)

    def refresh_desktop(self, pieces: Iterable[PieceRecord]) -> tuple[str, ...]:
        """Rebuild the databases of menu entries and MIME types, where the tools for it are installed.

        Return a note on an icon that could not be marked as trusted: without a session bus, or without `gio`.
        """
        places = [record.place for record in pieces]
        if any(place.startswith(str(self.places.data / "mime")) for place in places):
            refresh_database("update-mime-database", self.places.data / "mime")
        if any(place.startswith(str(self.places.data / "applications")) for place in places):
            refresh_database("update-desktop-database", self.places.data / "applications")
        if requires_trust(self.session) and any(place in self.files.unmarked for place in places):
            return (_("The first double click may ask: choose “Allow Launching” or “Launch Anyway” then."),)
        return ()

    def _desktop(self, shortcut: Shortcut, launcher: Path, icon: Path) -> list[Piece]:
        path = self.places.desktop / f"modelhub-{shortcut.id}.desktop"
        return [_file(path, desktop_entry(shortcut, launcher, icon), executable=True, trusted=True)]

    def _menu(self, shortcut: Shortcut, launcher: Path, icon: Path) -> list[Piece]:
        entry = desktop_entry(shortcut, launcher, icon, mime=MIME_TYPES)
        mime = self.places.data / "mime" / "packages" / "modelhub.xml"
        return [
            Piece(kind="file", place=str(mime), data=mime_package().encode(), shared=True),
            _file(self.places.data / "applications" / f"modelhub-{shortcut.id}.desktop", entry, executable=True),
        ]

    def _send_to(self, shortcut: Shortcut, launcher: Path, icon: Path) -> list[Piece]:
        path = self.places.data / "Thunar" / "sendto" / f"modelhub-{shortcut.id}.desktop"
        return [_file(path, desktop_entry(shortcut, launcher, icon, mime=_MENU_MIME), executable=True)]

    def _file_managers(self, shortcut: Shortcut, launcher: Path, icon: Path) -> list[Piece]:
        data = self.places.data
        name = f"modelhub-{shortcut.id}"
        return [
            _file(
                data / "nautilus" / "scripts" / file_name(shortcut),
                nautilus_script(launcher),
                executable=True,
            ),
            _file(data / "nemo" / "actions" / f"{name}.nemo_action", nemo_action(shortcut, launcher, icon)),
            _file(
                data / "kio" / "servicemenus" / f"{name}.desktop",
                service_menu(shortcut, launcher, icon),
                executable=True,
            ),
            _file(data / "file-manager" / "actions" / f"{name}-action.desktop", fm_action(shortcut, launcher, icon)),
            Piece(
                kind="action",
                place=str(self.places.config / "Thunar" / "uca.xml"),
                data=action_xml(shortcut, launcher, icon).encode(),
            ),
        ]


def mime_package() -> str:
    """Return what the desktop calls model files."""
    return _MIME_PACKAGE.format(
        safetensors=escape(_("safetensors model")), checkpoint=escape(_("Stable Diffusion checkpoint"))
    )


def icon_data() -> bytes:
    """Return the icon as SVG."""
    return (files("modelhub.desktop") / "data" / "modelhub.svg").read_bytes()


def launcher_script(shortcut: Shortcut, command: Sequence[str]) -> str:
    """Return a POSIX shell script that takes options of the entry's actions, then the dropped or selected files.

    It runs without a terminal: when the program is gone, after an upgrade of Python, it shows a notification.
    """
    options = "|".join(option for option, _ in ACTIONS)
    words = " ".join(shlex.quote(word) for word in click_command(shortcut, command))
    program = shlex.quote(command[0])
    gone = shlex.quote(
        _("{program} is gone. Remove this shortcut and install it again.", program=single_line(command[0]))
    )
    return (
        "#!/bin/sh\n"
        f"# {single_line(shortcut.name)} (written by modelhub)\n"
        "option=\n"
        f'case "$1" in {options}) option=$1; shift;; esac\n'
        f"command -v {program} >/dev/null || {{\n"
        f"    notify-send -a modelhub {shlex.quote(single_line(shortcut.name))} {gone} 2>/dev/null\n"
        f"    echo {gone} >&2\n"
        "    exit 127\n"
        "}\n"
        f'exec {words} $option -- "$@"\n'
    )


def desktop_entry(shortcut: Shortcut, launcher: Path, icon: Path, *, mime: Sequence[str] = ()) -> str:
    """Return a launcher that takes files, with the actions of its context menu."""
    name = _value(shortcut.name)
    lines = [
        "[Desktop Entry]",
        "Version=1.4",
        "Type=Application",
        f"Name={name}",
        f"Comment={_value(describe(shortcut))}",
        f"Exec={_exec(launcher)} %F",
        f"Icon={_value(str(icon))}",
        "Terminal=false",
        "Categories=Utility;",
        "StartupNotify=false",
    ]
    lines += [f"MimeType={';'.join(mime)};"] if mime else []
    keys = [option.lstrip("-") for option, _ in ACTIONS]
    lines += [f"Actions={';'.join(keys)};"]
    for (option, title), key in zip(titled_actions(), keys, strict=True):
        lines += ["", f"[Desktop Action {key}]", f"Name={title}", f"Exec={_exec(launcher)} {option}"]
    return "\n".join(lines) + "\n"


def nautilus_script(launcher: Path) -> str:
    """Return a script for Nautilus, which passes selected paths in the environment, one per line."""
    quoted = shlex.quote(str(launcher))
    return f"#!/bin/sh\nIFS='\n'\nset -f\nset -- $NAUTILUS_SCRIPT_SELECTED_FILE_PATHS\nexec {quoted} \"$@\"\n"


def nemo_action(shortcut: Shortcut, launcher: Path, icon: Path) -> str:
    """Return an action for Nemo: github.com/linuxmint/nemo, files/usr/share/nemo/actions/sample.nemo_action."""
    return (
        "[Nemo Action]\nActive=true\n"
        f"Name={_value(shortcut.name)}\nComment={_value(describe_selection(shortcut))}\n"
        f"Exec={_exec(launcher)} %F\nIcon-Name={_value(str(icon))}\nSelection=notnone\n"
        f"Extensions={';'.join(suffix[1:] for suffix in SUFFIXES)};dir;\nQuote=double\n"
    )


def service_menu(shortcut: Shortcut, launcher: Path, icon: Path) -> str:
    """Return a menu entry for Dolphin, for files and folders: https://develop.kde.org/docs/apps/dolphin/service-menus/."""
    mime = ";".join((*_MENU_MIME, "inode/directory"))
    return (
        "[Desktop Entry]\nType=Service\nX-KDE-ServiceTypes=KonqPopupMenu/Plugin\n"
        f"MimeType={mime};\nActions=sort;\n\n"
        f"[Desktop Action sort]\nName={_value(shortcut.name)}\nIcon={_value(str(icon))}\nExec={_exec(launcher)} %F\n"
    )


def fm_action(shortcut: Shortcut, launcher: Path, icon: Path) -> str:
    """Return an action for PCManFM with libfm's modules: DES-EMA 0.15, https://www.nautilus-actions.org/?q=node/377."""
    names = ";".join(f"*{suffix}" for suffix in SUFFIXES)
    return (
        f"[Desktop Entry]\nType=Action\nName={_value(shortcut.name)}\nIcon={_value(str(icon))}\nProfiles=files;\n\n"
        f"[X-Action-Profile files]\nName=files\nBasenames={names};\nMatchcase=false\nExec={_exec(launcher)} %F\n"
    )


def _file(path: Path, text: str, *, executable: bool = False, trusted: bool = False) -> Piece:
    return Piece(
        kind="file",
        place=str(path),
        data=text.encode("utf-8", "surrogateescape"),
        executable=executable,
        trusted=trusted,
    )


def _value(text: str) -> str:
    """Return a string of a desktop entry: one line, backslashes doubled."""
    return single_line(text).replace("\\", "\\\\")


def _exec(path: Path) -> str:
    """Return a program's path for `Exec`: quoted where the specification requires it, then escaped as a string."""
    text = str(path)
    if re.fullmatch(r"[\w/.+-]+", text, re.ASCII):
        return text
    quoted = '"' + re.sub(r'(["`$\\])', r"\\\1", text) + '"'
    escaped = quoted.replace("\\", "\\\\").replace("%", "%%")
    # GLib looks for the program before it makes one percent sign out of two, for arguments afterwards.
    return f"/bin/sh {escaped}" if "%" in text else escaped
