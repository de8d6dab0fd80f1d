"""Tidying the staging folder: what is left of files that were moved to their place."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.storage.locks import file_lock
from modelhub.storage.safe_names import safe_name

DONE = ".done"  # says which complete file the folder holds
LOCK = ".lock"
_ABANDONED = 86400.0  # seconds


def clean_staging(staging: Path) -> None:
    """Remove the folders whose complete file has been moved away; those in use and unfinished ones stay.

    What cannot be removed stays too: the next run tries again.
    """
    try:
        folders = [folder for folder in staging.iterdir() if (folder / DONE).is_file()]
    except OSError:
        return
    for folder in folders:
        if not _is_moved_away(folder):
            continue
        with contextlib.suppress(OSError, ModelhubError):
            _remove(folder)


def _is_moved_away(folder: Path) -> bool:
    try:
        told = json.loads((folder / DONE).read_bytes())
        return not (folder / safe_name(told["name"])).exists() and not any(folder.glob("*.part"))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remove(folder: Path) -> None:
    lock = folder / LOCK
    with file_lock(lock):
        if not _is_moved_away(folder):
            return
        for own in folder.iterdir():
            if own.is_dir():
                _clear_abandoned(own)
                own.rmdir()  # OSError while a file is in it
        (folder / DONE).unlink()
        with contextlib.suppress(OSError):  # Windows: only once nobody has it open
            lock.unlink()
    if os.name == "nt":
        lock.unlink(missing_ok=True)
    folder.rmdir()


def _clear_abandoned(own: Path) -> None:
    """Remove from a process's folder its own name for the file, when that process was killed long ago.

    Its age tells, not the process number, which may be that of another machine.
    """
    if time.time() - own.stat().st_mtime > _ABANDONED:
        for file in own.iterdir():
            file.unlink()
