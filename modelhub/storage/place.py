"""Placing files: nothing is ever replaced, nothing leaves its folder, nothing is lost when a move is interrupted.

On one file system a move is one rename. Across devices a move copies to a temporary name in the target folder, flushes
and verifies the copy, renames it, and only then removes the source.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelhub.errors import ModelhubError
from modelhub.storage import errors
from modelhub.storage.containment import ensure_inside
from modelhub.storage.copying import (
    CopiedFile,
    copy_attributes,
    copy_file,
    copy_tree,
    ensure_space_for_copy,
    remove_copied,
)
from modelhub.storage.durable import sync_folder
from modelhub.storage.held_folder import HeldFolder, held_folder
from modelhub.storage.reflink import clone
from modelhub.storage.rename import NO_LINKS, rename_no_replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelhub.progress import Task

TEMPORARY_PREFIX = ".modelhub-"
TEMPORARY_SUFFIX = ".part"
_LEFTOVER = re.compile(re.escape(TEMPORARY_PREFIX) + "[0-9a-f]{12}" + re.escape(TEMPORARY_SUFFIX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A file or folder that is now at `target`, and how it came there."""

    source: Path
    target: Path
    how: Literal["renamed", "copied", "hard-linked", "cloned", "symlinked"]
    sha256: str | None = None


def move(
    source: Path,
    target: Path,
    *,
    within: Path,
    expected_sha256: str | None = None,
    progress_task: Task | None = None,
    sync: bool = True,
) -> Placement:
    """Move a file or a folder to `target` inside the folder `within`; make the folders above it.

    A symbolic link is refused, because it might lead nowhere after the move. `expected_sha256` is compared when a
    file's bytes must be copied. Without `sync`, the caller flushes the folders of a rename, for many files at once.
    Raise TargetExistsError, OutsideTargetError, FileChangedError, DiskFullError, FileInUseError or another
    ModelhubError; the source is then where it was.
    """
    if source.is_symlink():
        raise ModelhubError(f"{source} is a symbolic link and was not moved.", "Move the file that it leads to.")
    with _held_target(target, within) as folder:
        inner = folder.at(target.name)
        try:
            rename_no_replace(source, inner, sync=sync)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise errors.from_os_error(exc, source, "move") from exc
        else:
            folder.check_after(lambda: rename_no_replace(inner, source))
            if sync:
                sync_folder(source.parent)
            return Placement(source=source, target=target, how="renamed")
        copies = _copy(source, folder, target, expected_sha256, progress_task)
    remove_copied(copies, source, target)
    return _placed(source, target, copies)


def copy(
    source: Path,
    target: Path,
    *,
    within: Path,
    expected_sha256: str | None = None,
    progress_task: Task | None = None,
) -> Placement:
    """Copy a file or folder with its times and permissions, and verify the copy. Raise like `move`."""
    with _held_target(target, within) as folder:
        copies = _copy(source, folder, target, expected_sha256, progress_task)
    return _placed(source, target, copies)


@contextlib.contextmanager
def _held_target(target: Path, within: Path) -> Iterator[HeldFolder]:
    """Hold the folder of a target. Raise OutsideTargetError or another ModelhubError."""
    ensure_inside(within, target)
    with held_folder(target.parent, within=within) as folder:
        yield folder


def _copy(
    source: Path, folder: HeldFolder, target: Path, expected: str | None, task: Task | None
) -> tuple[CopiedFile, ...]:
    ensure_free_name(target)
    ensure_space_for_copy(source, target.parent)
    with _temporary_in(folder) as temporary:
        if source.is_dir():
            copies = copy_tree(source, folder, temporary.name, task=task)
        else:
            copies = (copy_file(source, temporary, expected_sha256=expected, task=task),)
        inner = folder.at(target.name)
        rename_no_replace(temporary, inner)
        folder.check_after(lambda: _remove_temporary(inner))
    return copies


def _placed(source: Path, target: Path, copies: tuple[CopiedFile, ...]) -> Placement:
    sha256 = None if target.is_dir() else copies[0].sha256
    return Placement(source=source, target=target, how="copied", sha256=sha256)


def remove_leftovers(folder: Path, *, older_than: float = 3600.0) -> tuple[Path, ...]:
    """Remove unfinished copies in `folder` that a killed process left; return what was removed.

    Only names that `copy` makes, and only when nothing was written to them for `older_than` seconds, because another
    modelhub process may be working. Folders below and other files are left alone.
    """
    removed = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if _LEFTOVER.fullmatch(path.name) and time.time() - _last_written(path) > older_than:
                _remove_temporary(path)
                removed.append(path)
    return tuple(path for path in removed if not os.path.lexists(path))


def _last_written(path: Path) -> float:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(file.lstat().st_mtime for file in files)


def _remove_temporary(temporary: Path) -> None:
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def ensure_free_name(target: Path) -> None:
    """Say early what the system would say late; the operation itself still refuses to replace anything."""
    if os.path.lexists(target):
        raise errors.from_os_error(FileExistsError(errno.EEXIST, ""), target, "write")


@contextlib.contextmanager
def _temporary_in(folder: HeldFolder) -> Iterator[Path]:
    temporary = folder.at(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    try:
        yield temporary
    finally:
        _remove_temporary(temporary)


def hard_link(source: Path, target: Path, *, within: Path) -> Placement:
    """Give a file a second name inside `within`. Raise like `move`, and ModelhubError across devices."""
    with _held_target(target, within) as folder:
        ensure_free_name(target)
        inner = folder.at(target.name)
        try:
            os.link(source, inner)
        except FileExistsError as exc:
            raise errors.from_os_error(exc, target, "link a file to") from exc
        except OSError as exc:
            if exc.errno in NO_LINKS | {errno.EXDEV}:
                raise ModelhubError(
                    f"Could not hard-link {source} to {target}: hard links work only within one drive that supports"
                    " them.",
                    "Copy or move the file, or use a symbolic link.",
                ) from exc
            raise errors.from_os_error(exc, source, "link") from exc
        folder.check_after(inner.unlink)
        folder.sync()
    return Placement(source=source, target=target, how="hard-linked")


def reflink(source: Path, target: Path, *, within: Path) -> Placement:
    """Make a copy that shares its blocks with the source until one of them changes. Raise like `move`.

    Works on Btrfs, XFS, bcachefs (Linux) and APFS (macOS); raises ModelhubError elsewhere.
    """
    with _held_target(target, within) as folder:
        ensure_free_name(target)
        with _temporary_in(folder) as temporary:
            try:
                clone(source, temporary)
            except OSError as exc:
                if exc.errno in NO_LINKS | {errno.EXDEV, errno.ENOTTY}:
                    raise ModelhubError(
                        f"Could not clone {source} to {target}: this drive does not support clones.",
                        "Use a hard link or a copy instead.",
                    ) from exc
                raise errors.from_os_error(exc, source, "clone") from exc
            copy_attributes(source, temporary)
            inner = folder.at(target.name)
            rename_no_replace(temporary, inner)
            folder.check_after(inner.unlink)
    return Placement(source=source, target=target, how="cloned")


def symlink(source: Path, target: Path, *, within: Path) -> Placement:
    """Make `target` a symbolic link to the file's absolute path. Raise like `move`."""
    with _held_target(target, within) as folder:
        inner = folder.at(target.name)
        try:
            inner.symlink_to(source.absolute(), target_is_directory=source.is_dir())
        except OSError as exc:
            raise errors.from_os_error(exc, target, "make a link at") from exc
        folder.check_after(inner.unlink)
        folder.sync()
    return Placement(source=source, target=target, how="symlinked")
