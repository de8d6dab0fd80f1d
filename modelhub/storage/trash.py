"""The desktop's trash: the only way in which modelhub removes a user's file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import NotFoundError, Remedy
from modelhub.storage.durable import retry_while_locked
from modelhub.storage.errors import SCAN_AGAIN, TrashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NOTHING_DELETED = Remedy(
    "Nothing was deleted. If you are sure, delete the file by hand, then scan its folder again.", "delete-by-hand"
)
_DRIVE_REMOTE = 4


def move_to_trash(paths: Iterable[Path], *, send: Callable[[str], None] | None = None) -> tuple[Path, ...]:
    """Move files or folders to the trash, in order, and return their absolute paths.

    `send` takes one absolute path (default: Send2Trash). Raise NotFoundError when one does not exist, before anything
    is moved, and TrashError when the trash refuses one; that one and those after it are still in place.
    """
    todo = [path.absolute() for path in paths]
    for path in todo:
        if not os.path.lexists(path):
            raise NotFoundError(f"Could not move {path} to the trash: it does not exist.", SCAN_AGAIN)
        if not _has_trash(path):
            raise TrashError(f"Could not move {path} to the trash: network drives have no trash.", _NOTHING_DELETED)
        if planted := planted_trash(path):
            raise TrashError(
                f"Could not move {path} to the trash: {planted} is a link or another user's.", _NOTHING_DELETED
            )
    send = send or _default_send()
    for path in todo:
        _move_one(path, send)
    return tuple(todo)


def _move_one(path: Path, send: Callable[[str], None]) -> None:
    try:
        retry_while_locked(lambda: send(str(path)))
    except Exception as exc:  # the backends raise whatever their desktop does
        raise TrashError(f"Could not move {path} to the trash: {_reason(exc)}.", _NOTHING_DELETED) from exc
    if os.path.lexists(path):
        raise TrashError(f"Could not move {path} to the trash: it is still in place.", _NOTHING_DELETED)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".")


def _default_send() -> Callable[[str], None]:
    try:
        from send2trash import send2trash
    except Exception as exc:  # on a system without a desktop the import itself may fail
        raise TrashError(f"The trash cannot be used here: {_reason(exc)}.", _NOTHING_DELETED) from exc
    send: Callable[[str], None] = send2trash
    return send


def planted_trash(path: Path, *, home: Path | None = None) -> Path | None:
    """Return a folder of the trash on the drive of `path` that is a link or another user's, None if none is.

    Only drives other than that of `home`: everybody may write to their top folder, where desktops keep `.Trash-UID`.
    """
    if not hasattr(os, "getuid"):
        return None
    try:
        top = path.parent.resolve()
        if top.stat().st_dev == (home or Path.home()).stat().st_dev:
            return None
        while not os.path.ismount(top):
            top = top.parent
    except OSError:
        return None
    trash = top / f".Trash-{os.getuid()}"
    for folder in (trash, trash / "files", trash / "info"):
        try:
            status = folder.lstat()
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return folder
    return None


def _has_trash(path: Path) -> bool:
    """Return whether the drive has a trash: on its network drives, Windows would delete without a question."""
    if os.name != "nt":
        return True
    import ctypes

    windows = getattr(ctypes, "windll")  # noqa: B009 - known to the type checker on Windows only
    drive: int = windows.kernel32.GetDriveTypeW(path.anchor)
    return not path.anchor.startswith("\\\\") and drive != _DRIVE_REMOTE
