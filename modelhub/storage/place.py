"""Putting files into their place: nothing is ever replaced, nothing leaves its folder, nothing is lost half-way.

On one file system a move is one rename. Across devices it is: copy to a temporary name in the target folder, write it
through to the disk, read it again and compare the hash, rename, and only then remove the source.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import ModelhubError
from modelhub.storage import faults
from modelhub.storage.bounds import ensure_inside, make_folder
from modelhub.storage.digests import Sha256Sink
from modelhub.storage.durable import free_bytes, patiently, sync_descriptor, sync_folder
from modelhub.storage.names import safe_name
from modelhub.storage.rename import NO_LINKS, rename_no_replace
from modelhub.storage.ring import drop_file_from_cache, read_through

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelhub.progress import Task

__all__ = [
    "TEMPORARY_PREFIX",
    "Placed",
    "copy",
    "ensure_inside",
    "free_bytes",
    "hard_link",
    "make_folder",
    "move",
    "rename_no_replace",
    "safe_name",
    "symlink",
]

TEMPORARY_PREFIX = ".modelhub-"
TEMPORARY_SUFFIX = ".part"
_COPY_RESERVE = 1 << 20  # bytes left free beside a copy, for the file system's own books


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file that now lies at `target`. `how` is "renamed", "copied", "hard-linked" or "symlinked"."""

    source: Path
    target: Path
    how: str
    sha256: str | None = None


def move(
    source: Path,
    target: Path,
    *,
    within: Path,
    expected_sha256: str | None = None,
    progress_task: Task | None = None,
) -> Placed:
    """Move a file (or, on one file system, a folder) to `target` inside the folder `within`; folders are made.

    `expected_sha256` is compared when bytes have to be copied. Raises TargetExistsError, OutsideTargetError,
    FileChangedError, DiskFullError, FileInUseError or another ModelhubError; the source is then where it was.
    """
    ensure_inside(within, target)
    make_folder(target.parent)
    ensure_inside(within, target)
    try:
        rename_no_replace(source, target)
        sync_folder(source.parent)
        return Placed(source=source, target=target, how="renamed")
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise faults.translated(exc, source, "move") from exc
    placed = copy(source, target, within=within, expected_sha256=expected_sha256, progress_task=progress_task)
    _remove_moved(source, target)
    return placed


def _remove_moved(source: Path, target: Path) -> None:
    try:
        patiently(source.unlink)
    except OSError as exc:
        raise ModelhubError(
            f"{source} was copied to {target}, but the old file could not be removed: {exc.strerror or exc}.",
            "Both are whole and equal; remove the old one by hand.",
        ) from exc
    sync_folder(source.parent)


def copy(
    source: Path,
    target: Path,
    *,
    within: Path,
    expected_sha256: str | None = None,
    progress_task: Task | None = None,
) -> Placed:
    """Copy a file, verified by reading the copy again; errors as `move`. Times and permissions are kept."""
    ensure_inside(within, target)
    make_folder(target.parent)
    ensure_inside(within, target)
    _ensure_free_name(target)
    _ensure_room(source, target)
    with _temporary_in(target.parent) as temporary:
        sha256 = _copy_bytes(source, temporary, progress_task)
        _compare(source, temporary, sha256, expected_sha256)
        with contextlib.suppress(OSError):  # a drive without permissions or times is no reason to fail
            shutil.copystat(source, temporary)
        rename_no_replace(temporary, target)
    return Placed(source=source, target=target, how="copied", sha256=sha256)


def _ensure_free_name(target: Path) -> None:
    """Say early what the system would say late; the operation itself still refuses to replace anything."""
    if os.path.lexists(target):
        raise faults.translated(FileExistsError(errno.EEXIST, ""), target, "write")


def _ensure_room(source: Path, target: Path) -> None:
    try:
        needed = source.stat().st_size + _COPY_RESERVE
    except OSError as exc:
        raise faults.translated(exc, source, "read") from exc
    free = free_bytes(target.parent)
    if needed > free:
        raise faults.DiskFullError(
            f"Could not copy {source} to {target.parent}: {needed:,} bytes are needed, {free:,} are free.",
            "Free some space there, or choose another folder.",
        )


@contextlib.contextmanager
def _temporary_in(folder: Path) -> Iterator[Path]:
    temporary = folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class _Writer:
    """A sink that writes what it is fed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb", buffering=0)

    def feed(self, data: memoryview, offset: int) -> None:
        rest = data
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as exc:
            raise faults.translated(exc, self._path.parent, "write to") from exc

    def close(self) -> None:
        try:
            with self._file:
                sync_descriptor(self._file.fileno())
        except OSError as exc:
            raise faults.translated(exc, self._path.parent, "write to") from exc


def _copy_bytes(source: Path, temporary: Path, task: Task | None) -> str:
    digest = Sha256Sink()
    try:
        writer = _Writer(temporary)
    except OSError as exc:
        raise faults.translated(exc, temporary.parent, "write to") from exc
    try:
        read_through(source, (digest, writer), progress_task=task)
    finally:
        writer.close()
    return digest.sha256


def _compare(source: Path, copied: Path, sha256: str, expected: str | None) -> None:
    if expected is not None and sha256 != expected.lower():
        raise faults.FileChangedError(
            f"{source} is not the file that was catalogued: its SHA-256 is {sha256[:10]}…, not {expected[:10]}….",
            "Run `modelhub scan` and try again.",
        )
    drop_file_from_cache(copied)  # else only the memory would be compared, not the disk
    again = Sha256Sink()
    read_through(copied, (again,))
    if again.sha256 != sha256:
        raise ModelhubError(
            f"The copy of {source} in {copied.parent} does not have the same content.",
            "The source was left alone. Check that drive and its cable.",
        )


def hard_link(source: Path, target: Path, *, within: Path) -> Placed:
    """Give a file a second name inside `within`; errors as `move`, and one that says so across devices."""
    ensure_inside(within, target)
    make_folder(target.parent)
    _ensure_free_name(target)
    try:
        os.link(source, target)
    except FileExistsError as exc:
        raise faults.translated(exc, target, "link a file to") from exc
    except OSError as exc:
        if exc.errno in NO_LINKS | {errno.EXDEV}:
            raise ModelhubError(
                f"Could not hard-link {source} to {target}: that works within one drive with hard links only.",
                "Copy or move the file, or use a symbolic link.",
            ) from exc
        raise faults.translated(exc, source, "link") from exc
    sync_folder(target.parent)
    return Placed(source=source, target=target, how="hard-linked")


def symlink(source: Path, target: Path, *, within: Path) -> Placed:
    """Make `target` a symbolic link to the file's absolute path; errors as `move`."""
    ensure_inside(within, target)
    make_folder(target.parent)
    try:
        target.symlink_to(source.absolute(), target_is_directory=source.is_dir())
    except OSError as exc:
        raise faults.translated(exc, target, "make a link at") from exc
    sync_folder(target.parent)
    return Placed(source=source, target=target, how="symlinked")
