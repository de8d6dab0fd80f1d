"""Free space on drives: how much there is, and a refusal before a write that it is too small for."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from modelhub.errors import Remedy
from modelhub.quantities import format_size
from modelhub.storage import errors


def free_bytes(path: Path) -> int:
    """Return the bytes that this user may still write where `path` is or will be.

    Raise ModelhubError where the drive cannot be queried.
    """
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            raise errors.from_os_error(exc, place, "query the free space of") from exc
    raise errors.from_os_error(FileNotFoundError(errno.ENOENT, "no such drive"), path, "query the free space of")


def ensure_free_space(folder: Path, needed: int, *, remedy: Remedy | str) -> None:
    """Raise DiskFullError, with `remedy`, unless `needed` bytes are free on the drive of `folder`."""
    free = free_bytes(folder)
    if needed > free:
        drive = drive_of(folder)
        raise errors.DiskFullError(
            f"Not enough space: {format_size(needed)} needed, {format_size(free)} free on {drive}.", remedy
        )


def drive_of(path: Path) -> Path:
    """Return the mount point of the file system that `path` is or will be on, such as `/` or `D:\\`."""
    place = path.absolute()
    while place != place.parent and not os.path.ismount(place):
        place = place.parent
    return place
