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
# Action → what failed; `{cause}` is a clause of `_cause`. Whole sentences, because languages differ in word order.
_FAILURES: dict[Action, str] = {
    "clone": "Could not clone {path}: {cause}",
    "copy": "Could not copy {path}: {cause}",
    "link": "Could not link {path}: {cause}",
    "link a file to": "Could not link a file to {path}: {cause}",
    "make a link at": "Could not make a link at {path}: {cause}",
    "make the folder": "Could not make the folder {path}: {cause}",
    "make the lock": "Could not make the lock {path}: {cause}",
    "move": "Could not move {path}: {cause}",
    "move a file to": "Could not move a file to {path}: {cause}",
    "open the lock": "Could not open the lock {path}: {cause}",
    "query the free space of": "Could not query the free space of {path}: {cause}",
    "read": "Could not read {path}: {cause}",
    "remove": "Could not remove {path}: {cause}",
    "write": "Could not write {path}: {cause}",
    "write to": "Could not write to {path}: {cause}",
}


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
    kind, cause, remedy = _cause(error)
    summary = _FAILURES[action].format(path=path, cause=cause or f"{error.strerror or error}.")
    return kind(summary, remedy)


def _cause(error: OSError) -> tuple[type[ModelhubError], str, Remedy | str]:
    """Return the class of error, the cause in words and what to do; no words for a cause that only the system knows."""
    if is_disk_full(error):
        return DiskFullError, "the disk is full.", "Free some space, then try again."
    if error.errno == errno.EFBIG:
        return (
            DiskFullError,
            "its file system cannot hold a file of this size.",
            "FAT32 drives end at 4 GB a file; use a folder on exFAT, NTFS, APFS or ext4.",
        )
    if is_locked(error):
        return (
            FileInUseError,
            "another program is using it.",
            "Close the program that has the file open, then try again.",
        )
    if getattr(error, "winerror", None) == _WINDOWS_NO_PRIVILEGE:
        return (
            ModelhubError,
            "Windows does not let this account make symbolic links.",
            "Turn on Developer Mode in the Windows settings, or use hard links.",
        )
    if isinstance(error, FileNotFoundError):
        remedy = Remedy("Check the path; if the file was moved, scan its folder again.", "check-path-or-scan")
        return NotFoundError, "it does not exist.", remedy
    if isinstance(error, FileExistsError):
        return TargetExistsError, "that name is taken.", "Choose another name."
    if isinstance(error, IsADirectoryError):
        return ModelhubError, "it is a folder.", "Name a file in it."
    if isinstance(error, PermissionError):
        return ModelhubError, "permission denied.", "Check the permissions of that file and its folder."
    if error.errno == errno.ELOOP:
        return OutsideTargetError, "there is a symbolic link in its place.", "Remove that link, then try again."
    if error.errno == errno.EROFS:
        return ModelhubError, "the drive is read-only.", "Choose a folder on a writable drive."
    return ModelhubError, "", "Check the drive and its connection."
