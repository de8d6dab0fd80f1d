"""Desktop notifications, and opening a file with the user's program for it.

Neither may delay or fail a finished sort: every failure is the answer False, after at most TIME_LIMIT seconds.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.printable import printable

_log = logging.getLogger(__name__)

# Seconds that one call may take in all.
TIME_LIMIT = 3.0
LONGEST_TITLE, LONGEST_TEXT = 100, 400  # characters; desktops cut what is longer without saying so
ICON = "modelhub"

# Windows PowerShell reaches the notification service of Windows 10 and 11 under its own name, which is registered
# there; a script of constant text takes the words from the environment, so that no word can be taken for code.
_POWERSHELL = "System32/WindowsPowerShell/v1.0/powershell.exe"
_TOAST = r"""
$ErrorActionPreference = 'Stop'
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$null = [Windows.Data.Xml.Dom.XmlDocument, Windows.Data.Xml.Dom.XmlDocument, ContentType = WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind)
$lines = $xml.GetElementsByTagName('text')
$null = $lines.Item(0).AppendChild($xml.CreateTextNode($env:MODELHUB_TOAST_TITLE))
$null = $lines.Item(1).AppendChild($xml.CreateTextNode($env:MODELHUB_TOAST_TEXT))
if ($env:MODELHUB_TOAST_OPEN) {
  $toast = $xml.GetElementsByTagName('toast').Item(0)
  $toast.SetAttribute('activationType', 'protocol')
  $toast.SetAttribute('launch', $env:MODELHUB_TOAST_OPEN)
}
$sender = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
$note = New-Object Windows.UI.Notifications.ToastNotification $xml
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($sender).Show($note)
"""
_APPLESCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The text of a notification, safe to show, and the file that it is about."""

    title: str
    text: str
    open: Path | None = None

    @property
    def with_path(self) -> str:
        """The text, and where the file is, for desktops on which a click cannot open it."""
        return f"{self.text}\n{printable(str(self.open))}" if self.open else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramCall:
    """A program to run. `lingers`: after the time limit it is left running and counts as done; others are ended."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps_running: bool = False


def desktop_kind() -> str:
    """Return the kind of desktop: windows, macos, or linux for every other system."""
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def notify(title: str, text: str, *, open: Path | None = None) -> bool:
    """Show a notification; return whether a desktop accepted it. Take TIME_LIMIT at most and raise nothing.

    `open`: a file that a click opens where the desktop can do that; elsewhere its path is below the text.
    """
    note = Notification(
        title=_shorten(title, LONGEST_TITLE), text=_shorten(text, LONGEST_TEXT), open=open.absolute() if open else None
    )
    return _run_until_success(_NOTIFIERS[desktop_kind()](note))


def open_file(path: Path) -> bool:
    """Open a file with the user's program for it; return whether one was started, within TIME_LIMIT. Raise nothing."""
    if desktop_kind() == "windows":
        start: Callable[[str], None] | None = getattr(os, "startfile", None)
        try:
            return start is not None and start(str(path.absolute())) is None
        except OSError as exc:
            _log.debug("cannot open %s: %s", path, exc)
            return False
    return path.exists() and _run_until_success(_OPENERS[desktop_kind()](str(path.absolute())))


def _shorten(text: str, most: int) -> str:
    shown = printable(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _linux_notes(note: Notification) -> Iterator[ProgramCall]:
    # Desktops read the body as markup (Desktop Notifications Specification 1.2), notify-send also backslashes.
    body = html.escape(note.with_path, quote=False)
    if program := shutil.which("notify-send"):
        options = ("--app-name=modelhub", f"--icon={ICON}")
        yield ProgramCall(arguments=(program, *options, "--", note.title, body.replace("\\", r"\\")))
    if program := shutil.which("gdbus"):
        place = ("--dest=org.freedesktop.Notifications", "--object-path=/org/freedesktop/Notifications")
        method = "--method=org.freedesktop.Notifications.Notify"
        texts = (_variant(text) for text in (ICON, note.title, body))
        values = ('"modelhub"', "0", *texts, "[]", "{}", "8000")
        yield ProgramCall(arguments=(program, "call", "--session", "--timeout=3", *place, method, *values))
    if program := shutil.which("kdialog"):
        yield ProgramCall(arguments=(program, f"--title={note.title}", "--passivepopup", body, "8"), keeps_running=True)


def _variant(text: str) -> str:
    """Return a string in GVariant's text format."""
    return json.dumps(text, ensure_ascii=False)


def _windows_notes(note: Notification) -> Iterator[ProgramCall]:
    # In full: Windows looks for bare names in the current folder first, which may be the folder of downloads.
    program = Path(os.environ.get("SystemRoot", r"C:\Windows"), _POWERSHELL)  # noqa: SIM112 - Windows spells it so
    if program.is_file():
        script = base64.b64encode(_TOAST.encode("utf-16-le")).decode("ascii")
        arguments = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-WindowStyle", "Hidden")
        environment = {
            "MODELHUB_TOAST_TITLE": note.title,
            "MODELHUB_TOAST_TEXT": note.text,
            "MODELHUB_TOAST_OPEN": note.open.as_uri() if note.open else "",
        }
        yield ProgramCall(
            arguments=(str(program), *arguments, "-EncodedCommand", script), environment=environment, keeps_running=True
        )


def _macos_notes(note: Notification) -> Iterator[ProgramCall]:
    if program := shutil.which("osascript"):
        yield ProgramCall(arguments=(program, "-e", _APPLESCRIPT, "--", note.title, note.with_path))


def _linux_openers(path: str) -> Iterator[ProgramCall]:
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return  # xdg-open would start a browser for terminals
    for name, *arguments in (("xdg-open",), ("gio", "open"), ("kde-open",), ("exo-open",), ("wslview",)):
        if program := shutil.which(name):
            yield ProgramCall(arguments=(program, *arguments, path), keeps_running=True)


def _macos_openers(path: str) -> Iterator[ProgramCall]:
    if program := shutil.which("open"):
        yield ProgramCall(arguments=(program, path), keeps_running=True)


_NOTIFIERS: Mapping[str, Callable[[Notification], Iterator[ProgramCall]]] = {
    "linux": _linux_notes,
    "windows": _windows_notes,
    "macos": _macos_notes,
}
_OPENERS: Mapping[str, Callable[[str], Iterator[ProgramCall]]] = {"linux": _linux_openers, "macos": _macos_openers}


def _run_until_success(calls: Iterator[ProgramCall]) -> bool:
    left = TIME_LIMIT
    for call in calls:
        started = time.monotonic()
        if _run_call(call, left):
            return True
        left -= time.monotonic() - started
        if left <= 0:
            break
    return False


def _run_call(call: ProgramCall, seconds: float) -> bool:
    """Run one program; return whether it succeeded in that time, or may keep running."""
    try:
        process = subprocess.Popen(
            call.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **call.environment},
            start_new_session=True,  # a browser that it starts outlives the terminal
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, ValueError) as exc:
        _log.debug("cannot run %s: %s", call.arguments[0], exc)
        return False
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        if not call.keeps_running:
            process.kill()
        # Without a wait the ended program would stay as a zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        return call.keeps_running
    _log.debug("%s ended with %s", call.arguments[0], code)
    return code == 0
