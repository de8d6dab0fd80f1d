"""Shortcuts on Windows: links on the desktop, in the start menu and in "Send to", and entries of the context menu.

Links are made by Windows' own scripting host through PowerShell, with every word passed in a script of encoded text;
the context menu is the current user's part of the registry (learn.microsoft.com, "Creating Shortcut Menu Handlers").
Not tried on a real Windows by the project's tests: the texts, the registry's keys and the manifest are.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from modelhub.desktop.files import FileHandler
from modelhub.desktop.registry import CLASSES, Registry, RegistryHandler, UserRegistry, import_winreg
from modelhub.desktop.shortcut import (
    SUFFIXES,
    Piece,
    PieceHandler,
    PieceRecord,
    Shortcut,
    click_command,
    describe,
    file_name,
    single_line,
    titled_actions,
)
from modelhub.errors import ModelhubError
from modelhub.language import _

_POWERSHELL = r"System32\WindowsPowerShell\v1.0\powershell.exe"
_MENU = "modelhub"  # the folder in the start menu
_LIMIT = 30.0  # seconds; a first start of PowerShell is slow


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsFolders:
    """Windows' folders of this user."""

    desktop: Path
    menu: Path
    send_to: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> WindowsFolders:
        """Read the folders: the desktop, which may be in OneDrive, from the registry, the others from APPDATA."""
        roaming = Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "Microsoft" / "Windows"
        profile = Path(environ.get("USERPROFILE") or Path.home())
        return cls(
            desktop=_known_desktop() or profile / "Desktop",
            menu=roaming / "Start Menu" / "Programs" / _MENU,
            send_to=roaming / "SendTo",
        )


class WindowsWriter:
    """The writer for Windows: links and registry keys."""

    name = "Windows"
    targets = frozenset({"desktop", "menu", "filemanager", "sendto"})

    def __init__(
        self,
        places: WindowsFolders | None = None,
        *,
        registry: Registry | None = None,
        run: Callable[[str], None] | None = None,
    ) -> None:
        self.places = places or WindowsFolders.of(os.environ)
        self.handlers: Mapping[str, PieceHandler] = {
            "link": LinkHandler(run or run_script),
            "registry": RegistryHandler(registry or UserRegistry()),
        }

    def pieces(self, shortcut: Shortcut, command: Sequence[str], state: Path) -> tuple[Piece, ...]:
        """Return a link for each place, and keys for each suffix, folders and the background of a folder's window."""
        words = click_command(shortcut, without_console(command))
        name = file_name(shortcut)
        found: list[Piece] = []
        if "desktop" in shortcut.targets:
            found.append(link_piece(self.places.desktop / f"{name}.lnk", words, shortcut))
        if "menu" in shortcut.targets:
            found.append(link_piece(self.places.menu / f"{name}.lnk", words, shortcut))
            found += [
                link_piece(self.places.menu / f"{name} - {title}.lnk", [*words, option], shortcut)
                for option, title in titled_actions()
            ]
        if "sendto" in shortcut.targets:
            found.append(link_piece(self.places.send_to / f"{name}.lnk", words, shortcut))
        if "filemanager" in shortcut.targets:
            found += menu_keys(shortcut, words)
        return tuple(found)

    def refresh_desktop(self, pieces: Iterable[PieceRecord]) -> tuple[str, ...]:
        """Return a note on Windows 11's context menu; Explorer itself needs no refresh."""
        if any(record.kind == "registry" for record in pieces):
            return (_("On Windows 11 the entry is under “Show more options” of the context menu."),)
        return ()


def without_console(command: Sequence[str]) -> list[str]:
    """Return the same command by pythonw.exe, which opens no console, if it is beside python.exe."""
    program = PureWindowsPath(command[0])
    if program.name.lower() == "python.exe" and Path(str(program.with_name("pythonw.exe"))).exists():
        return [str(program.with_name("pythonw.exe")), *command[1:]]
    return list(command)


def link_piece(path: Path, words: Sequence[str], shortcut: Shortcut) -> Piece:
    """Return a .lnk; Explorer appends what is dropped on it to the arguments."""
    values = {
        "target": words[0],
        "arguments": subprocess.list2cmdline(list(words[1:])),
        "description": describe(shortcut)[:250],
        "folder": str(PureWindowsPath(words[0]).parent),
    }
    return Piece(kind="link", place=str(path), data=json.dumps(values).encode())


def link_script(path: str, values: Mapping[str, str]) -> str:
    """Return a PowerShell script that makes one link; every value is in single quotes."""
    rows = {
        "TargetPath": values["target"],
        "Arguments": values["arguments"],
        "Description": values["description"],
        "WorkingDirectory": values["folder"],
        "IconLocation": r"%SystemRoot%\System32\imageres.dll,3",
    }
    lines = [
        "$ErrorActionPreference = 'Stop'",
        f"$link = (New-Object -ComObject WScript.Shell).CreateShortcut({_quoted(path)})",
        *(f"$link.{name} = {_quoted(value)}" for name, value in rows.items()),
        "$link.Save()",
    ]
    return "\n".join(lines) + "\n"


def encode_script(script: str) -> str:
    """Encode for `powershell -EncodedCommand`: base64 of UTF-16LE, so that no code page spoils a name."""
    return base64.b64encode(script.encode("utf-16-le")).decode("ascii")


def run_script(script: str) -> None:
    """Run a script with Windows' own PowerShell. Raise ModelhubError with its error output."""
    program = str(PureWindowsPath(os.environ.get("SYSTEMROOT", r"C:\Windows")) / _POWERSHELL)
    words = [program, "-NoProfile", "-NonInteractive", "-EncodedCommand", encode_script(script)]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ModelhubError(f"PowerShell could not make the link: {exc}.", f"Check that {program} may be run.") from exc
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ModelhubError(f"PowerShell could not make the link: {lines[0] if lines else done.returncode}.")


def menu_keys(shortcut: Shortcut, words: Sequence[str]) -> list[Piece]:
    """Return keys below HKEY_CURRENT_USER, parents first. `%1` is the file or folder, `%V` the folder that is shown.

    `%V` of a drive ends with a backslash, which would take the quote after it as text; a dot keeps them apart.
    """
    name = single_line(shortcut.name).replace("&", "&&")
    if name.startswith("@"):  # Explorer would take it for a text in a library's resources
        name = f" {name}"
    homes = [rf"{CLASSES}\SystemFileAssociations\{suffix}\shell" for suffix in SUFFIXES]
    homes.append(rf"{CLASSES}\Directory\shell")
    spots = [(home, "%1") for home in homes] + [(rf"{CLASSES}\Directory\Background\shell", r"%V\.")]
    # A percent sign of ours would be taken for one of Explorer's.
    line = subprocess.list2cmdline(list(words)).replace("%", "%%")
    found: list[Piece] = []
    for home, word in spots:
        key = rf"{home}\modelhub.{shortcut.id}"
        found.append(Piece(kind="registry", place=key, data=name.encode()))
        found.append(Piece(kind="registry", place=rf"{key}\command", data=f'{line} -- "{word}"'.encode()))
    return found


class LinkHandler(FileHandler):
    """The handler of .lnk files. Windows writes them, so their digest is known only afterwards."""

    def __init__(self, run: Callable[[str], None]) -> None:
        self.run = run

    def planned(self, piece: Piece) -> str:
        """Return "": Windows puts times and numbers of its own into a link."""
        return ""

    def remove(self, place: str, mark: str) -> None:
        """Delete the link, and our folder of the start menu with the last one."""
        super().remove(place, mark)
        folder = Path(place).parent
        if folder.name == _MENU and not any(folder.iterdir()):
            folder.rmdir()

    def write(self, piece: Piece, mark: str) -> str:
        """Write under an ASCII name first: the scripting host damages names outside the system's code page."""
        path = Path(piece.place)
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = path.with_name(f"modelhub-{mark}-{os.getpid()}.lnk")
        try:
            self.run(link_script(str(plain), json.loads(piece.data)))
            plain.replace(path)
        finally:
            plain.unlink(missing_ok=True)
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _known_desktop() -> Path | None:
    try:
        winreg = import_winreg()
        key = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders"
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
            return Path(os.path.expandvars(str(winreg.QueryValueEx(opened, "Desktop")[0])))
    except (ImportError, OSError):
        return None


def _quoted(text: str) -> str:
    """Return a PowerShell string: nothing is expanded in single quotes. Typographic quotes count as quotes, too."""
    for quote in "'‘’‚‛":
        text = text.replace(quote, quote * 2)
    return f"'{text}'"
