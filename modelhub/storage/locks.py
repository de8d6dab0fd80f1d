"""One modelhub at a time on one library: a lock file that says who holds it.

The system's own file locks end with the process, even on kill -9; the file itself stays. Where a drive has none (some
network drives), the file's existence is the lock, and one left behind by a dead process of this machine is taken over.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAUSE = 0.1  # seconds between two tries
_FAR = 1 << 30  # Windows locks bytes for reading as well: lock one behind the text, so that others can read the owner


class _NoLocksError(Exception):
    """This system or drive has no file locks."""


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Who holds a lock: process id, host name, start as ISO 8601 in UTC. Empty fields when the file does not say."""

    pid: int = 0
    host: str = ""
    since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} (since {self.since})" if self.pid else "another process"


@contextlib.contextmanager
def file_lock(
    path: Path, *, wait: float | None = 0.0, on_wait: Callable[[LockOwner], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; folders are made.

    `wait`: seconds to wait for another holder, None without end. `on_wait` is called once, with that holder, before
    waiting. Raises BusyError, naming the holder, when the time is over.
    """
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "open the lock") from exc
    try:
        held = _acquire(path, descriptor, wait, on_wait)
        try:
            yield
        finally:
            held()
    finally:
        os.close(descriptor)


def read_owner(path: Path) -> LockOwner:
    """Who wrote the lock file last; says nothing about whether the lock is held."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return LockOwner(int(data["pid"]), str(data["host"]), str(data["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LockOwner()


def _acquire(
    path: Path, descriptor: int, wait: float | None, on_wait: Callable[[LockOwner], None] | None
) -> Callable[[], None]:
    deadline = None if wait is None else time.monotonic() + wait
    told = False
    while True:
        release = _try(path, descriptor)
        if release is not None:
            return release
        owner = read_owner(path)
        if deadline is not None and time.monotonic() >= deadline:
            raise errors.BusyError(
                f"Another modelhub is at work on {path.parent}: {owner}.",
                "Wait until it is done, or end it, then run the command again.",
            )
        if on_wait is not None and not told:
            on_wait(owner)
            told = True
        time.sleep(_PAUSE)


def _try(path: Path, descriptor: int) -> Callable[[], None] | None:
    """The function that releases the lock, or None while somebody else has it."""
    try:
        if not _lock(descriptor):
            return None
    except _NoLocksError:
        return _try_claim(path, descriptor)
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
    os.lseek(descriptor, _FAR, os.SEEK_SET)
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

        os.lseek(descriptor, _FAR, os.SEEK_SET)
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


def _try_claim(path: Path, descriptor: int) -> Callable[[], None] | None:
    claim = path.with_name(f"{path.name}.held")
    try:
        own = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        if not _is_dead(read_owner(claim)):
            return None
        # Renamed away first: of two that find it dead only one gets it, the other's rename fails.
        stale = path.with_name(f"{path.name}.stale-{os.getpid()}")
        with contextlib.suppress(OSError):
            claim.rename(stale)
            stale.unlink()
        return None
    except OSError as exc:
        raise errors.from_os_error(exc, claim, "make the lock") from exc
    try:
        _write_owner(own)
    finally:
        os.close(own)
    _write_owner(descriptor)
    return lambda: claim.unlink(missing_ok=True)


def _is_dead(owner: LockOwner) -> bool:
    """Whether the holder was a process of this machine that no longer runs. In doubt it lives."""
    if not owner.pid or owner.host != platform.node() or os.name == "nt":
        return False  # on Windows os.kill would end the process instead of asking
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
