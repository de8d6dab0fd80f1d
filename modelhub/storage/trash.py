"""The desktop's trash: the only way in which modelhub removes a user's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import NotFoundError
from modelhub.storage.durable import retry_while_locked
from modelhub.storage.errors import TrashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HINT = "Nothing was deleted. Remove the file by hand if you are sure, then run `modelhub scan`."
_DRIVE_REMOTE = 4


def move_to_trash(paths: Iterable[Path], *, send: Callable[[str], None] | None = None) -> tuple[Path, ...]:
    """Put files or folders into the trash, in order; answer with those that were put there.

    `send` takes one absolute path (default: Send2Trash). Raises NotFoundError before anything is touched when one is
    not there, and TrashError when the trash does not take one: that one and those after it are still in place.
    """
    todo = [path.absolute() for path in paths]
    for path in todo:
        if not os.path.lexists(path):
            raise NotFoundError(f"Could not put {path} into the trash: it is not there.", "Run `modelhub scan`.")
        if not _has_trash(path):
            raise TrashError(f"Could not put {path} into the trash: network drives have none.", _HINT)
    send = send or _send2trash()
    for path in todo:
        _put(path, send)
    return tuple(todo)


def _put(path: Path, send: Callable[[str], None]) -> None:
    try:
        retry_while_locked(lambda: send(str(path)))
    except Exception as exc:  # the backends raise whatever their desktop does
        raise TrashError(f"Could not put {path} into the trash: {_reason(exc)}.", _HINT) from exc
    if os.path.lexists(path):
        raise TrashError(f"Could not put {path} into the trash: it is still there.", _HINT)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".")


def _send2trash() -> Callable[[str], None]:
    try:
        from send2trash import send2trash
    except Exception as exc:  # on a system without a desktop the import itself may fail
        raise TrashError(f"The trash cannot be used here: {_reason(exc)}.", _HINT) from exc
    send: Callable[[str], None] = send2trash
    return send


def _has_trash(path: Path) -> bool:
    """Windows deletes for good on network drives, without asking: those are refused."""
    if os.name != "nt":
        return True
    import ctypes

    windows = getattr(ctypes, "windll")  # noqa: B009 - known to the type checker on Windows only
    drive: int = windows.kernel32.GetDriveTypeW(path.anchor)
    return not path.anchor.startswith("\\\\") and drive != _DRIVE_REMOTE
