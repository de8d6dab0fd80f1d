"""Copies of files and folders, verified by reading them again, and the removal of what was copied."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import ModelhubError
from modelhub.storage import errors
from modelhub.storage.digests import Sha256Sink
from modelhub.storage.durable import retry_while_locked, sync_descriptor, sync_folder
from modelhub.storage.fan_out import FileIdentity, drop_file_from_cache, feed_sinks, file_identity
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.held_folder import HeldFolder, file_itself

if TYPE_CHECKING:
    from modelhub.progress import Task

_RESERVE = 1 << 20  # bytes left free beside a copy, for the file system's own records


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A copied file: the identity of its source, and the SHA-256 of both."""

    source: Path
    sha256: str
    identity: FileIdentity


def ensure_space_for_copy(source: Path, folder: Path) -> None:
    """Raise DiskFullError when the file or folder `source` does not fit on the drive of `folder`."""
    try:
        files = _files_below(source) if source.is_dir() else [source]
        needed = sum(file.stat().st_size for file in files) + _RESERVE
    except OSError as exc:
        raise errors.from_os_error(exc, source, "read") from exc
    ensure_free_space(folder, needed, remedy="Free some space there, or choose another folder.")


def copy_file(source: Path, target: Path, *, expected_sha256: str | None, task: Task | None) -> CopiedFile:
    """Copy to `target`, which must not exist, flush it and verify it. Links are followed."""
    digest = Sha256Sink()
    writer = FileWriter(target)
    try:
        status = feed_sinks(source, (digest, writer), progress_task=task)
    finally:
        writer.close()
    verify_copy(source, target, digest.sha256, expected_sha256)
    copy_attributes(source, target)
    return CopiedFile(source, digest.sha256, file_identity(status))


def copy_tree(source: Path, folder: HeldFolder, name: str, *, task: Task | None) -> tuple[CopiedFile, ...]:
    """Copy a folder with all its files, hidden ones included, to `name` in a held folder, which must not exist."""
    copies = []
    try:
        folder.at(name).mkdir()
        parents = {Path(name): None}
        for file in _files_below(source):
            relative = Path(name) / file.relative_to(source)
            parents |= dict.fromkeys(relative.parents[:-1])
            with folder.below(relative.parent.parts) as below:
                copies.append(copy_file(file, below.at(file.name), expected_sha256=None, task=task))
        for parent in parents:
            with folder.below(parent.parts) as below:
                below.sync()
    except OSError as exc:
        raise errors.from_os_error(exc, source, "copy") from exc
    return tuple(copies)


def _files_below(folder: Path) -> list[Path]:
    # Links to folders are not followed: they may form a loop, and diffusers folders have none.
    walked = os.walk(folder, onerror=_raise)
    return [Path(where) / name for where, _, names in walked for name in sorted(names)]


def _raise(error: OSError) -> None:
    raise error


def remove_copied(copies: tuple[CopiedFile, ...], source: Path, target: Path) -> None:
    """Remove the copied files and the folders that are empty then; nothing that was added or changed since."""
    try:
        for copied in copies:
            if file_identity(copied.source.stat()) != copied.identity:
                raise _kept_error(source, target, f"{copied.source.name} was changed meanwhile")
            retry_while_locked(copied.source.unlink)
        if source.is_dir():
            for folder, _, _ in os.walk(source, topdown=False):
                Path(folder).rmdir()
    except OSError as exc:
        raise _kept_error(source, target, str(exc.strerror or exc)) from exc
    sync_folder(source.parent)


def _kept_error(source: Path, target: Path, reason: str) -> ModelhubError:
    return ModelhubError(
        f"{source} was copied to {target}, but could not be removed: {reason}.",
        "The copy is complete; compare the two, then remove the old one by hand.",
    )


class FileWriter:
    """A sink that writes to a new file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as exc:
            raise errors.from_os_error(exc, path.parent, "write to") from exc

    def feed(self, data: memoryview, offset: int) -> None:
        rest = data
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as exc:
            raise errors.from_os_error(exc, self._path.parent, "write to") from exc

    def close(self) -> None:
        try:
            with self._file:
                sync_descriptor(self._file.fileno())
        except OSError as exc:
            raise errors.from_os_error(exc, self._path.parent, "write to") from exc


def verify_copy(source: Path, copied: Path, sha256: str, expected: str | None) -> None:
    """Read the copy from the disk and raise ModelhubError unless it has the source's SHA-256.

    Raise FileChangedError unless the source has the `expected` one.
    """
    if expected is not None and sha256 != expected.lower():
        raise errors.FileChangedError(
            f"{source} is not the file in the catalog: its SHA-256 is {sha256[:10]}…, not {expected[:10]}….",
            errors.SCAN_AGAIN,
        )
    drop_file_from_cache(copied)  # otherwise the page cache would be compared, not the disk
    again = Sha256Sink()
    feed_sinks(copied, (again,))
    if again.sha256 != sha256:
        raise ModelhubError(
            f"The copy of {source} in {copied.parent} differs from it.",
            "The source was not changed. Check that drive and its cable.",
        )


def copy_attributes(source: Path, target: Path) -> None:
    """Copy times and permissions; a drive without them is not a failure."""
    with contextlib.suppress(OSError), file_itself(target) as copied:
        shutil.copystat(source, copied)
