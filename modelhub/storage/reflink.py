"""Clones: copies that take no space until one side changes."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FICLONE = 0x40049409  # ioctl_ficlone(2)


def clone(source: Path, target: Path) -> None:
    """Make the new file `target` a clone of `source`. Raise OSError, with ENOTSUP on systems without clones."""
    if source.is_dir():
        raise OSError(errno.ENOTSUP, "folders cannot be cloned")
    if sys.platform == "darwin":
        _clone_macos(source, target)
        return
    try:
        import fcntl
    except ImportError as exc:
        raise OSError(errno.ENOTSUP, "this system has no clones") from exc
    with source.open("rb") as old, target.open("xb") as new:
        fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())


def _clone_macos(source: Path, target: Path) -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.clonefile(os.fsencode(source), os.fsencode(target), 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
