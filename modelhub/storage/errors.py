"""Errors of files on disk, and the translation of an OSError into one of them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal

from modelhub.errors import ModelhubError, NotFoundError, Remedy

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_WINDOWS_FULL = {39, 112}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
_WINDOWS_LOCKED = {32, 33}  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_WINDOWS_NO_PRIVILEGE = 1314  # ERROR_PRIVILEGE_NOT_HELD

SCAN_AGAIN = Remedy("Scan the folder of that file again.", "scan-again")

Action = Literal[
    "clone",
    "copy",
    "link",
    "link a file to",
    "make a link at",
    "make the folder",
    "make the lock",
    "move",
    "move a file to",
    "open the lock",
    "query the free space of",
    "read",
    "remove",
    "write",
    "write to",
]


class FileChangedError(ModelhubError):
    """A file that was written, truncated or replaced while it was read; results from it are worthless."""


class TargetExistsError(ModelhubError):
    """A target whose name is taken; nothing is ever replaced."""


class DiskFullError(ModelhubError):
    """Not enough space for a file."""


class FileInUseError(ModelhubError):
    """A file that another program holds open in a way that forbids the operation."""


class OutsideTargetError(ModelhubError):
    """A path that leaves its folder, directly or through a link."""


class TrashError(ModelhubError):
    """A failure of the desktop's trash; nothing was deleted."""


class BusyError(ModelhubError):
    """A lock that another modelhub process holds."""


def is_disk_full(error: OSError) -> bool:
    """Return whether the disk or the user's quota is full."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _WINDOWS_FULL


def is_locked(error: OSError) -> bool:
    """Return whether another program holds the file, so that waiting may help."""
    return getattr(error, "winerror", None) in _WINDOWS_LOCKED or error.errno in (errno.EBUSY, errno.ETXTBSY)


def from_os_error(error: OSError, path: Path, action: Action) -> ModelhubError:
    """Turn an OSError into an error with a remedy: "Could not read /models/x.safetensors: permission denied."."""
    text = f"Could not {action} {path}"
    if is_disk_full(error):
        return DiskFullError(f"{text}: the disk is full.", "Free some space, then try again.")
    if error.errno == errno.EFBIG:
        return DiskFullError(
            f"{text}: its file system cannot hold a file of this size.",
            "FAT32 drives end at 4 GB a file; use a folder on exFAT, NTFS, APFS or ext4.",
        )
    if is_locked(error):
        return FileInUseError(
            f"{text}: another program is using it.", "Close the program that has the file open, then try again."
        )
    if getattr(error, "winerror", None) == _WINDOWS_NO_PRIVILEGE:
        return ModelhubError(
            f"{text}: Windows does not let this account make symbolic links.",
            "Turn on Developer Mode in the Windows settings, or use hard links.",
        )
    if isinstance(error, FileNotFoundError):
        return NotFoundError(
            f"{text}: it does not exist.",
            Remedy("Check the path; if the file was moved, scan its folder again.", "check-path-or-scan"),
        )
    if isinstance(error, FileExistsError):
        return TargetExistsError(f"{text}: that name is taken.", "Choose another name.")
    if isinstance(error, PermissionError):
        return ModelhubError(f"{text}: permission denied.", "Check the permissions of that file and its folder.")
    if error.errno == errno.ELOOP:
        return OutsideTargetError(
            f"{text}: there is a symbolic link in its place.", "Remove that link, then try again."
        )
    if error.errno == errno.EROFS:
        return ModelhubError(f"{text}: the drive is read-only.", "Choose a folder on a writable drive.")
    return ModelhubError(f"{text}: {error.strerror or error}.", "Check the drive and its connection.")
