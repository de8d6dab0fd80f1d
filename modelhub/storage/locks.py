"""Lock files that name their owner: one modelhub process at a time works on a library.

The system's own file locks end with the process, even on kill -9; the file itself stays. On a drive without such locks
(some network drives), the existence of a second file is the lock; one left by a dead process of this computer is
removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelhub.storage import errors
from modelhub.storage.containment import make_folder
from modelhub.storage.held_folder import open_no_follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAUSE = 0.1  # seconds between two tries
_LOCKED_BYTE = 1 << 30  # far after the text: Windows also forbids reading locked bytes, and others read the owner


class _NoLocksError(Exception):
    """A system or drive without file locks."""


@dataclass(frozen=True, slots=True)
class LockOwner:
    """The owner of a lock: process id, host name, start as ISO 8601 in UTC. Empty fields where the file has none."""

    pid: int = 0
    host: str = ""
    since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} (since {self.since})" if self.pid else "another process"


@contextlib.contextmanager
def file_lock(
    path: Path, *, wait: float | None = 0.0, on_wait: Callable[[LockOwner], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; make its folders.

    `wait`: seconds to wait for another owner, None forever. `on_wait` is called once, with that owner, before the
    wait. Raise BusyError, which names the owner, after that time.
    """
    make_folder(path.parent)
    try:
        descriptor = open_no_follow(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "open the lock") from exc
    try:
        release = _acquire(path, descriptor, wait, on_wait)
        try:
            yield
        finally:
            release()
    finally:
        os.close(descriptor)


def read_owner(path: Path) -> LockOwner:
    """Return who wrote the lock file last, whether the lock is held or not."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return LockOwner(int(data["pid"]), str(data["host"]), str(data["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LockOwner()


def _acquire(
    path: Path, descriptor: int, wait: float | None, on_wait: Callable[[LockOwner], None] | None
) -> Callable[[], None]:
    deadline = None if wait is None else time.monotonic() + wait
    is_reported = False
    while True:
        release = _try_lock(path, descriptor)
        if release is not None:
            return release
        owner = read_owner(path)
        if deadline is not None and time.monotonic() >= deadline:
            raise errors.BusyError(
                f"Another modelhub process is working on {path.parent}: {owner}.",
                "Wait until it is done, or end it, then try again.",
            )
        if on_wait is not None and not is_reported:
            on_wait(owner)
            is_reported = True
        time.sleep(_PAUSE)


def _try_lock(path: Path, descriptor: int) -> Callable[[], None] | None:
    """Return the function that releases the lock, or None while another process holds it."""
    try:
        if not _lock(descriptor):
            return None
    except _NoLocksError:
        return _try_existence_lock(path, descriptor)
    _write_owner(descriptor)
    return lambda: _unlock(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        raise _NoLocksError from exc
    return True


def _lock_windows(descriptor: int) -> bool:
    try:
        import msvcrt
    except ImportError as exc:
        raise _NoLocksError from exc
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True


def _unlock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _write_owner(descriptor: int) -> None:
    text = json.dumps(
        {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    )
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode())


def _try_existence_lock(path: Path, descriptor: int) -> Callable[[], None] | None:
    marker = path.with_name(f"{path.name}.held")
    try:
        own = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        if not _has_ended(read_owner(marker)):
            return None
        # Renamed first: of two processes that find the owner dead, only one succeeds.
        stale = path.with_name(f"{path.name}.stale-{os.getpid()}")
        with contextlib.suppress(OSError):
            marker.rename(stale)
            stale.unlink()
        return None
    except OSError as exc:
        raise errors.from_os_error(exc, marker, "make the lock") from exc
    try:
        _write_owner(own)
    finally:
        os.close(own)
    _write_owner(descriptor)
    return lambda: marker.unlink(missing_ok=True)


def _has_ended(owner: LockOwner) -> bool:
    """Return whether the owner was a process of this computer that no longer runs; False in doubt."""
    if not owner.pid or owner.host != platform.node() or os.name == "nt":
        return False  # on Windows os.kill would end the process
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
