"""Remove: into the trash with the model's files and sidecars, then out of the catalog; never the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.domain import Format, LocationState, ModelRecord
from modelhub.storage.sidecars import sidecars_of, twins_of
from modelhub.storage.trash import to_trash


def paths_of(record: ModelRecord) -> tuple[Path, ...]:
    """What `rm` would put into the trash: the model at all its present places, its sidecars, a diffusers folder whole.

    A file that another model uses as well stays, and so do sidecars that belong to a twin of the same name too.
    """
    if record.format is Format.DIFFUSERS:
        return (record.path,) if record.path and record.path.is_dir() else ()
    found: list[Path] = []
    for file in record.files:
        for place in file.locations:
            if place.state is LocationState.UNAVAILABLE or not place.path.is_file():
                continue
            found.append(place.path)
            if not twins_of(place.path):
                found += sidecars_of(place.path)
    return tuple(dict.fromkeys(found))


def remove(
    records: Iterable[ModelRecord],
    *,
    catalog: Catalog,
    keep_files: bool = False,
    send: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Trash and forget, model by model. Raises TrashError: models before that one are done, the rest are not."""
    trashed: list[Path] = []
    for record in records:
        if not keep_files:
            trashed += to_trash(paths_of(record), send=send)
        catalog.remove(record.id)
    return tuple(trashed)
