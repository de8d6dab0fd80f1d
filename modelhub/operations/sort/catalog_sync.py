"""The catalog follows what a step did to the disk."""

from __future__ import annotations

from pathlib import Path

from modelhub.catalog import Catalog, NewFile, NewLocation, NewModel, Root
from modelhub.domain import Inspection
from modelhub.operations.sort.actions import StepLike

_COPIES = ("copy", "hardlink", "symlink", "reflink")


def follow(catalog: Catalog, step: StepLike) -> None:
    """Places of moved files, of new copies, of removed ones; nothing for files that the catalog does not know."""
    if step.action == "move":
        for key, suffix in step.detail.get("locations", ()):
            root, relative = _located(catalog, Path(step.target + suffix))
            catalog.move_location(int(key), root, relative)
    elif step.action in _COPIES and step.detail.get("sha256"):
        _another_place(catalog, str(step.detail["sha256"]), Path(step.target))
    elif step.action in ("unlink", "trash"):
        _forget(catalog, Path(step.source))


def _located(catalog: Catalog, path: Path) -> tuple[Root, str]:
    found = catalog.locate(path)
    if found is not None:
        return found
    root = catalog.ensure_root(path.parent, whole=False)
    return root, path.name


def _another_place(catalog: Catalog, sha256: str, path: Path) -> None:
    known = catalog.file_by_sha256(sha256)
    if known is None or path.is_dir():
        return
    _located(catalog, path)
    status = path.stat()
    look = Inspection(
        path=path,
        size=known.size,
        format=known.format,
        detection=known.detection,
        safety=known.safety,
        hashes=known.hashes,
        problems=known.problems,
        broken=known.broken,
    )
    place = NewLocation(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
    new = NewFile(inspection=look, location=place)
    catalog.record(NewModel(name=path.stem, files=(new,), rules_version=known.rules_version))


def _forget(catalog: Catalog, path: Path) -> None:
    found = catalog.locate(path)
    if found is None:
        return
    root, relative = found
    place = catalog.known_locations(root).get(relative)
    if place is not None:
        catalog.forget_location(place.id)
