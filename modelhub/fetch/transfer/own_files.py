"""Opening the files of a staging folder: only regular files with one name, and never through a link.

Another program, or a user with access to the folder, can put a link in the place of such a file; writing through it
would change a file outside the library.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from modelhub.storage import errors

_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def open_own(path: Path, flags: int) -> int:
    """Open or make the file and return its descriptor; what else is in its place is removed first.

    Raise ModelhubError for a folder, and what the file system refuses.
    """
    try:
        _remove_foreign(path)
        descriptor = os.open(path, flags | os.O_CREAT | _SAFE, 0o644)
        if _is_own(os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)
        path.unlink()
        return os.open(path, flags | os.O_CREAT | os.O_EXCL | _SAFE, 0o644)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "write") from exc


def read_own(path: Path, most_bytes: int) -> bytes:
    """Return the content of a small file. Raise OSError for a link, a special file, or one with more bytes."""
    descriptor = os.open(path, os.O_RDONLY | _SAFE)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if path.is_symlink() or not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            raise OSError(f"{path} is not a file of ours")
        return file.read(most_bytes)


def remove_foreign(path: Path) -> None:
    """Remove what is in the place of a file of ours but is not one: a link, a file with a second name, a special file.

    A folder stays. Raise ModelhubError.
    """
    try:
        _remove_foreign(path)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "remove") from exc


def _remove_foreign(path: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) and not _is_own(status):
        path.unlink()


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1
