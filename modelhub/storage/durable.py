"""Flushing to the disk, and retries while another program holds a file; the system-dependent calls."""

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

# Seconds. Virus scanners and indexers on Windows hold a new file for up to about a second.
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM}


def sync_descriptor(descriptor: int) -> None:
    """Flush a file's bytes to the disk; on macOS also the drive's own cache, where it can."""
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
    """Flush a folder's entries to the disk; do nothing on Windows and on drives without that."""
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
    """Return `action()`, retried after each of `WAITS` while another program holds the file; raise the last OSError."""
    for pause in WAITS:
        try:
            return action()
        except OSError as exc:
            if not errors.is_locked(exc):
                raise
            _log.debug("in use, retrying in %s s: %s", pause, exc)
            time.sleep(pause)
    return action()
