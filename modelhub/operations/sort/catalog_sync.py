"""Apply to the catalog what a step changed on disk."""

from __future__ import annotations

from pathlib import Path

from modelhub.catalog import Catalog, NewFile, NewLocation, NewModel, Root
from modelhub.domain import Inspection
from modelhub.operations.sort.actions import COPYING, StepLike


def apply_to_catalog(catalog: Catalog, step: StepLike) -> None:
    """Record the new places of moved and copied files, and forget those of removed ones.

    Files that the catalog does not know stay unknown to it.
    """
    if step.action == "move":
        for key, suffix in step.detail.get("locations", ()):
            root, relative = _locate(catalog, Path(step.target + suffix))
            catalog.move_location(int(key), root, relative)
    elif step.action in COPYING and step.detail.get("sha256"):
        _add_location(catalog, str(step.detail["sha256"]), Path(step.target))
    elif step.action in ("unlink", "trash"):
        _forget_location(catalog, Path(step.source))


def _locate(catalog: Catalog, path: Path) -> tuple[Root, str]:
    found = catalog.locate(path)
    if found is not None:
        return found
    root = catalog.ensure_root(path.parent, whole=False)
    return root, path.name


def _add_location(catalog: Catalog, sha256: str, path: Path) -> None:
    known = catalog.file_by_sha256(sha256)
    if known is None or path.is_dir():
        return
    _locate(catalog, path)
    status = path.stat()
    inspection = Inspection(
        path=path,
        size=known.size,
        format=known.format,
        detection=known.detection,
        safety=known.safety,
        hashes=known.hashes,
        problems=known.problems,
        broken=known.broken,
    )
    location = NewLocation(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
    file = NewFile(inspection=inspection, location=location)
    catalog.record(NewModel(name=path.stem, files=(file,), rules_version=known.rules_version))


def _forget_location(catalog: Catalog, path: Path) -> None:
    for known, location in list(catalog.locations_at(path)):
        if known == path:
            catalog.forget_location(location.id)
