"""Scan known folders: keep the catalog true when files change, move, vanish or come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from modelhub.catalog import Catalog, KnownLocation, Root
from modelhub.domain import LocationState
from modelhub.errors import NotFoundError, Remedy
from modelhub.operations.library.folder_changes import FolderContents, contents_of, gone_places, without_other_roots
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.operations.library.record import record_changes
from modelhub.operations.library.reidentify import reidentify_outdated
from modelhub.progress import SILENT, Progress


def scan(
    folder: str | Path | None = None,
    *,
    library: Path,
    catalog: Catalog,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[PathResult]:
    """Scan the known folder of that name or path, or all of them without one; yield results as `scan_roots` does.

    The library is a known folder as soon as it exists. Files whose answers come from older rules are identified again.
    Raise NotFoundError, before anything is done, when the catalog does not know the folder.
    """
    if library.is_dir():
        catalog.ensure_root(library, "library")
    roots = resolve_roots(folder, catalog)
    return _scan(roots, catalog, progress, workers)


def _scan(roots: Sequence[Root], catalog: Catalog, progress: Progress, workers: int) -> Iterator[PathResult]:
    reidentify_outdated(catalog, progress=progress)
    yield from scan_roots(roots, catalog=catalog, progress=progress, workers=workers)


def scan_roots(
    roots: Sequence[Root], *, catalog: Catalog, progress: Progress = SILENT, workers: int = 0
) -> Iterator[PathResult]:
    """Compare every root with what the catalog knows of it; yield a result for each model as it is done.

    No model is ever removed from the catalog: its place is marked as missing, or as unavailable when the root itself is
    out of reach. A file that is in another of these roots now keeps its record.
    """
    all_contents = []
    for root in roots:
        known = catalog.known_locations(root)
        if root.path.is_dir():
            all_contents.append(without_other_roots(contents_of(root, [root.path], known), catalog.roots()))
        else:
            catalog.mark([place.id for place in known.values()], LocationState.UNAVAILABLE)
            yield _unavailable(root, known=len(known))
    gone: dict[int, KnownLocation] = {}
    for contents in all_contents:
        gone |= gone_places(contents)
    for contents in all_contents:
        yield from contents.problems
        yield from record_changes(contents, gone, catalog=catalog, progress=progress, workers=workers)
    yield from _mark_missing(gone, all_contents, catalog)


def _unavailable(root: Root, *, known: int) -> PathResult:
    message = f"The folder is out of reach; its {known} files are kept as unavailable."
    if known == 1:
        message = "The folder is out of reach; its file is kept as unavailable."
    return PathResult(path=root.path, status=PathStatus.UNAVAILABLE, message=message)


def _mark_missing(
    gone: dict[int, KnownLocation], all_contents: Sequence[FolderContents], catalog: Catalog
) -> Iterator[PathResult]:
    newly = [place.id for place in gone.values() if place.state is not LocationState.MISSING]
    catalog.mark(newly, LocationState.MISSING)
    paths = {
        place.id: contents.root.path / relative
        for contents in all_contents
        for relative, place in contents.known.items()
    }
    for place in gone.values():
        yield PathResult(path=paths[place.id], status=PathStatus.MISSING, model_id=place.model_id)


def resolve_roots(name: str | Path | None, catalog: Catalog) -> tuple[Root, ...]:
    """Return the root of that name or path, or all roots without one. Raise NotFoundError, naming the known roots."""
    roots = catalog.roots()
    if name is None:
        return tuple(roots)
    chosen = tuple(root for root in roots if root.name == str(name) or root.path == Path(name).absolute())
    if not chosen:
        known = ", ".join(f"{root.name} ({root.path})" for root in roots) or "none yet"
        raise NotFoundError(
            f"The catalog does not know a folder {name}.",
            Remedy(f"Known folders: {known}.", "known-folders", {"known": known}),
        )
    return chosen
