"""Remove models: move their files and sidecars to the trash, then delete them from the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.domain import Format, LocationState, ModelRecord
from modelhub.errors import ModelhubError, Remedy
from modelhub.storage.sidecar_names import models_sharing_sidecars, sidecars_of
from modelhub.storage.trash import move_to_trash


def paths_to_remove(record: ModelRecord, *, catalog: Catalog) -> tuple[Path, ...]:
    """Return what `remove` would trash: the model in all its present places with its sidecars, or a diffusers folder.

    What another model needs is left out: a copy in that model's folder, and sidecars shared with a model of the same
    name. Raise ModelhubError when a diffusers folder has the only copy of another model's file.
    """
    others = catalog.sharing(record.id)
    if record.format is Format.DIFFUSERS:
        return _folder_of(record, others)
    kept = [other.path for other in others if other.format is Format.DIFFUSERS and other.path is not None]
    found: list[Path] = []
    for file in record.files:
        for place in file.locations:
            if place.state is LocationState.UNAVAILABLE or not place.path.is_file():
                continue
            if any(folder in place.path.parents for folder in kept):
                continue
            found.append(place.path)
            if not models_sharing_sidecars(place.path):
                found += sidecars_of(place.path)
    return tuple(dict.fromkeys(found))


def _folder_of(record: ModelRecord, others: Sequence[ModelRecord]) -> tuple[Path, ...]:
    folder = record.path
    if folder is None or not folder.is_dir():
        return ()
    for other in others:
        for file in other.files:
            present = [place.path for place in file.locations if place.state is LocationState.PRESENT]
            if present and all(folder in path.parents for path in present):
                raise ModelhubError(
                    f"{folder} has the only copy of {present[0].name}, which {other.name} needs too.",
                    Remedy("Delete it from the catalog only, or move that file out of the folder first.", "keep-files"),
                )
    return (folder,)


def remove(
    records: Iterable[ModelRecord],
    *,
    catalog: Catalog,
    keep_files: bool = False,
    send: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Trash and delete models one by one; return the trashed paths.

    `keep_files`: only delete them from the catalog. `send` moves one path to the trash, by default the desktop's.
    Raise TrashError: models before that one are removed, the rest are not.
    """
    trashed: list[Path] = []
    for record in records:
        gone = () if keep_files else move_to_trash(paths_to_remove(record, catalog=catalog), send=send)
        trashed += gone
        catalog.remove(record.id)
        _forget(gone, catalog)
    return tuple(trashed)


def _forget(paths: Sequence[Path], catalog: Catalog) -> None:
    """Delete trashed places of files that another model keeps in the catalog."""
    for path in paths:
        for _, location in list(catalog.locations_at(path)):
            catalog.forget_location(location.id)
