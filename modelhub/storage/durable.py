"""Writing through to the disk, and retries while another program holds a file; the system-dependent calls."""

from __future__ import annotations

import errno
import logging
import os
import time
from typing import TYPE_CHECKING, TypeVar

from modelhub.storage import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# Virus scanners and indexers on Windows hold a new file for up to about a second.
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM}


def sync_descriptor(descriptor: int) -> None:
    """Write a file's bytes through to the disk; on macOS past the drive's own cache, where it can."""
    full = _full_sync()
    if full is not None and full(descriptor):
        return
    os.fsync(descriptor)


def _full_sync() -> Callable[[int], bool] | None:
    try:
        import fcntl
    except ImportError:
        return None
    command = getattr(fcntl, "F_FULLFSYNC", None)
    if command is None:
        return None

    def flush(descriptor: int) -> bool:
        try:
            fcntl.fcntl(descriptor, command)
        except OSError:
            return False
        return True

    return flush


def sync_folder(folder: Path) -> None:
    """Write a folder's entries through to the disk; does nothing on Windows and drives without such a thing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as exc:
        _log.debug("cannot open %s to sync it: %s", folder, exc)
        return
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise
        _log.debug("cannot sync %s: %s", folder, exc)
    finally:
        os.close(descriptor)


def retry_while_locked(action: Callable[[], _T]) -> _T:
    """`action()`, tried again while another program holds the file; the last OSError comes through."""
    for pause in WAITS:
        try:
            return action()
        except OSError as exc:
            if not errors.is_locked(exc):
                raise
            _log.debug("in use, trying again in %s s: %s", pause, exc)
            time.sleep(pause)
    return action()
