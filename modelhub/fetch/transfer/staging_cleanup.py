"""Cleaning up the staging folder: the remains of files that were moved to their place."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.fetch.transfer.own_files import read_own
from modelhub.storage.locks import file_lock
from modelhub.storage.safe_names import safe_name

DONE = ".done"  # names the complete file in the folder
LOCK = ".lock"
MOST_DONE_BYTES = 64 << 10
_ABANDONED = 86400.0  # seconds


def clean_staging(staging: Path) -> None:
    """Remove the folders whose complete file has been moved away; keep unfinished ones and those in use.

    A folder that cannot be removed stays for the next run.
    """
    try:
        folders = [one for one in staging.iterdir() if not one.is_symlink() and (one / DONE).is_file()]
    except OSError:
        return
    for folder in folders:
        if not _is_moved_away(folder):
            continue
        with contextlib.suppress(OSError, ModelhubError):
            _remove(folder)


def _is_moved_away(folder: Path) -> bool:
    try:
        completed = json.loads(read_own(folder / DONE, MOST_DONE_BYTES))
        return not (folder / safe_name(completed["name"])).exists() and not any(folder.glob("*.part"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _remove(folder: Path) -> None:
    lock = folder / LOCK
    with file_lock(lock):
        if not _is_moved_away(folder):
            return
        for own in folder.iterdir():
            if own.is_dir() and not own.is_symlink():
                _clear_abandoned(own)
                own.rmdir()  # OSError while a file is in it
        (folder / DONE).unlink()
        with contextlib.suppress(OSError):  # Windows: not while the lock is held
            lock.unlink()
    if os.name == "nt":
        lock.unlink(missing_ok=True)
    folder.rmdir()


def _clear_abandoned(own: Path) -> None:
    """Remove a process's own link to the file when that process was killed long ago.

    The age decides, not the process number, which may belong to another computer.
    """
    if time.time() - own.stat().st_mtime > _ABANDONED:
        for file in own.iterdir():
            file.unlink()
