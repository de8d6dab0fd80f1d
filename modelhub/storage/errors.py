"""What can go wrong with files on disk, said so that the user knows what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from modelhub.errors import ModelhubError, NotFoundError

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_WINDOWS_FULL = {39, 112}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
_WINDOWS_LOCKED = {32, 33}  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_WINDOWS_NO_PRIVILEGE = 1314  # ERROR_PRIVILEGE_NOT_HELD


class FileChangedError(ModelhubError):
    """A file was written, truncated or replaced while it was read; what was computed from it is worthless."""


class TargetExistsError(ModelhubError):
    """Something already has the name that was asked for; nothing is ever replaced."""


class DiskFullError(ModelhubError):
    """There is no room for the file."""


class FileInUseError(ModelhubError):
    """Another program holds the file open in a way that forbids the operation."""


class OutsideTargetError(ModelhubError):
    """A path would leave the folder it was meant for, or pass through a link that does."""


class TrashError(ModelhubError):
    """The desktop's trash did not take a file; nothing was deleted."""


class BusyError(ModelhubError):
    """Another modelhub works on the same library."""


def is_disk_full(error: OSError) -> bool:
    """Whether `error` says that the disk or the user's quota is full."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _WINDOWS_FULL


def is_locked(error: OSError) -> bool:
    """Whether another program's hold on the file is the reason, so that waiting may help."""
    return getattr(error, "winerror", None) in _WINDOWS_LOCKED or error.errno in (errno.EBUSY, errno.ETXTBSY)


def from_os_error(error: OSError, path: Path, doing: str) -> ModelhubError:
    """`error` as one of ours. `doing` completes "Could not …", for example "read"."""
    text = f"Could not {doing} {path}"
    if is_disk_full(error):
        return DiskFullError(f"{text}: the disk is full.", "Free some space and run the command again.")
    if error.errno == errno.EFBIG:
        return DiskFullError(
            f"{text}: the file system there cannot hold a file of this size.",
            "FAT32 drives end at 4 GB a file; use a folder on exFAT, NTFS, APFS or ext4.",
        )
    if is_locked(error):
        return FileInUseError(
            f"{text}: another program is using it.", "Close the program that has the model loaded and try again."
        )
    if getattr(error, "winerror", None) == _WINDOWS_NO_PRIVILEGE:
        return ModelhubError(
            f"{text}: Windows does not let this account make symbolic links.",
            "Turn on Developer Mode in the Windows settings, or use hard links.",
        )
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{text}: it is not there.", "Check the path, or run `modelhub scan` if it was moved.")
    if isinstance(error, FileExistsError):
        return TargetExistsError(f"{text}: something of that name is already there.", "Choose another name.")
    if isinstance(error, PermissionError):
        return ModelhubError(f"{text}: permission denied.", "Check who may read and write that file and its folder.")
    if error.errno == errno.EROFS:
        return ModelhubError(f"{text}: the drive is read-only.", "Choose a folder on a drive that can be written.")
    return ModelhubError(f"{text}: {error.strerror or error}.", "Check the drive and its connection.")
