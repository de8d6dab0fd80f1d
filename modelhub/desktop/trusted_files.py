"""Desktop entries are files that a desktop must trust before a double click runs them."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

from modelhub.desktop.files import FileHandler
from modelhub.desktop.shortcut import Piece

_log = logging.getLogger(__name__)
# Words of XDG_CURRENT_DESKTOP: those ask before they run an entry without their mark.
_DESKTOPS_WITH_TRUST = {"gnome", "xfce", "unity", "budgie"}
_LIMIT = 10.0  # seconds for each of the desktop's own tools


class TrustedFileHandler(FileHandler):
    """The handler of files that marks those for a double click as trusted: metadata, set by GLib's `gio`."""

    def __init__(self) -> None:
        self.unmarked: list[str] = []

    def write(self, piece: Piece, mark: str) -> str:
        """Write the file and mark it."""
        digest = super().write(piece, mark)
        if piece.trusted and not mark_trusted(Path(piece.place), digest):
            self.unmarked.append(piece.place)
        return digest


def requires_trust(desktop: str) -> bool:
    """Return whether a desktop (XDG_CURRENT_DESKTOP, words with colons between) needs a mark; unknown ones may."""
    return not desktop or not _DESKTOPS_WITH_TRUST.isdisjoint(desktop.lower().split(":"))


def mark_trusted(path: Path, sha256: str) -> bool:
    """Set both marks and return whether it worked; without a session bus or `gio` users choose "Allow launching" once.

    Xfce's mark is the SHA-256 of the file (exo and Thunar 4.18); GNOME's is the word true.
    """
    marks = (("metadata::trusted", "true"), ("metadata::xfce-exe-checksum", sha256))
    done = [_run_tool("gio", "set", "-t", "string", str(path), name, value) for name, value in marks]
    return all(done)


def refresh_database(tool: str, folder: Path) -> bool:
    """Rebuild the database of a folder and return whether it worked; without it desktops read the folder itself."""
    return folder.is_dir() and _run_tool(tool, str(folder))


def _run_tool(program: str, *words: str) -> bool:
    found = shutil.which(program)
    if found is None:
        return False
    try:
        done = subprocess.run([found, *words], capture_output=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        _log.debug("%s: %s", program, exc)
        return False
    if done.returncode:
        _log.debug("%s: %s", program, done.stderr.decode(errors="replace").strip())
    return done.returncode == 0
