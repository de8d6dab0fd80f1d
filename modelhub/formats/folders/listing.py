"""The files of a model's folder: links are followed where they stay inside, and reported where they lead out."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILES = 10_000
_MAX_DEPTH = 32
# Never part of the model, unless the index names a component so.
_GIT = ".git"


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of the folder. `relative`: its path in the folder, with `/`. `identity`: equal for hard links."""

    relative: str
    path: Path
    size: int
    identity: tuple[int, int]


@dataclass(slots=True)
class FolderListing:
    """The regular files, in the order of their names, and (severity, sentence) pairs about the others."""

    files: list[FolderFile] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)


def list_folder(folder: Path, *, components: Collection[str] = ()) -> FolderListing:
    """List all files at any depth, hidden ones too. `components`: sub-folders that the index names.

    Raise OSError when the folder itself cannot be listed.
    """
    listing = FolderListing()
    root = os.path.realpath(folder)
    seen = {root}
    with os.scandir(folder):
        pass
    pending = [(str(folder), "", 0)]
    while pending:
        path, prefix, depth = pending.pop()
        inner: list[tuple[str, str, int]] = []
        for entry in _entries(path, prefix, listing):
            relative = f"{prefix}{entry.name}"
            if entry.is_symlink() and not _stays_inside(entry, relative, root, listing):
                continue
            if not entry.is_dir():
                _add_file(entry, relative, listing)
            elif relative == _GIT and _GIT not in components:
                listing.findings.append(("note", f"{_GIT} was not looked into."))
            elif depth >= _MAX_DEPTH:
                listing.findings.append(("suspicious", f"{relative} is nested deeper than any model's folders."))
            elif (real := os.path.realpath(entry.path)) not in seen:
                seen.add(real)
                inner.append((entry.path, f"{relative}/", depth + 1))
        pending += reversed(inner)
        if len(listing.files) >= MAX_FILES:
            listing.findings.append(("suspicious", f"It holds more than {MAX_FILES} files, more than any model."))
            break
    return listing


def _entries(path: str, prefix: str, listing: FolderListing) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        listing.findings.append(("unrecognised", f"{prefix} cannot be read ({exc.strerror or exc})."))
        return []


def _stays_inside(entry: os.DirEntry[str], relative: str, root: str, listing: FolderListing) -> bool:
    """Return whether a link is to be followed; report one that leads out of the folder."""
    target = os.path.realpath(entry.path)
    if target.startswith(root + os.sep) or _is_cached_file(target, root):
        return True
    listing.findings.append(("suspicious", f"{relative} is a link that leads out of the folder, to {target}."))
    return Path(target).is_file()


def _is_cached_file(target: str, root: str) -> bool:
    """Return whether this is a file of the Hugging Face cache: `snapshots/REVISION` has links into `blobs`."""
    parent, _, _ = root.rpartition(os.sep)
    repository, _, name = parent.rpartition(os.sep)
    blobs = os.path.join(repository, "blobs") + os.sep  # noqa: PTH118
    return name == "snapshots" and target.startswith(blobs)


def _add_file(entry: os.DirEntry[str], relative: str, listing: FolderListing) -> None:
    try:
        status = entry.stat()
    except OSError as exc:
        listing.findings.append(("note", f"{relative} cannot be read ({exc.strerror or exc})."))
        return
    if not stat.S_ISREG(status.st_mode):
        listing.findings.append(("suspicious", f"{relative} is a device or a pipe, not a file."))
        return
    identity = (status.st_dev, status.st_ino)
    listing.files.append(FolderFile(relative, Path(entry.path), status.st_size, identity))
