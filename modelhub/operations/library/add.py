"""Add models to the catalog, where they are or after a copy or move into the library.

walk → known and unchanged? → one read (hashes, header, component digests) → safety and detection → [place] → catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

from modelhub.catalog import Catalog, Root
from modelhub.choices import member
from modelhub.errors import ModelhubError, Remedy, UsageError
from modelhub.formats.packs import Pack
from modelhub.operations.library.folder_changes import contents_of
from modelhub.operations.library.library_import import LibraryImport
from modelhub.operations.library.model_paths import absent_error, find_models, is_diffusers_folder, split_absent
from modelhub.operations.library.packs import add_packs, pack_at
from modelhub.operations.library.path_results import (
    PathResult,
    failed_result,
    passed_over,
    refused_if_named,
    unreadable_place,
)
from modelhub.operations.library.record import read_and_record, record_changes, record_new
from modelhub.progress import SILENT, Progress
from modelhub.storage.model_names import is_model_name
from modelhub.storage.walk import FoundModel


class AddMode(StrEnum):
    """The place of added models: where they are, or in the library, copied or moved."""

    IN_PLACE = "in-place"
    COPY = "copy"
    MOVE = "move"


def add(
    paths: Iterable[Path],
    *,
    catalog: Catalog,
    mode: AddMode | str = AddMode.IN_PLACE,
    library: Path | None = None,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[PathResult]:
    """Catalog files, model folders and folders of models; yield a result for each model as it is done.

    A known file whose size, time and inode are unchanged is not read again. The models of a zip archive that is named
    are unpacked into the library; with the mode MOVE, the archive goes to the trash. `library`: the folder to copy or
    move them into. `workers`: how many files are read at once; 0 decides by the drive and the number of cores. Raise
    NotFoundError, before anything is done, when the only path does not exist, and UsageError for another mode. One of
    several paths that does not exist has a result, at the end.
    """
    mode = member(AddMode, mode, name="mode")
    if mode != AddMode.IN_PLACE:
        if library is None:
            raise UsageError("Copying or moving models needs a library.", "Name the folder of a library.")
        return import_into_library(
            paths, copy=mode == AddMode.COPY, library=library, catalog=catalog, progress=progress, workers=workers
        )
    found, absent = split_absent(paths)
    packs, rest = _split_packs(found) if library else ([], found)
    return _in_turn(
        _add_in_place(rest, catalog, progress, workers),
        _add_packs(packs, library, remove=False, catalog=catalog, progress=progress, workers=workers),
        _absent_results(absent),
    )


def _in_turn(*parts: Iterator[PathResult]) -> Iterator[PathResult]:
    for part in parts:
        yield from part


def _absent_results(paths: Iterable[Path]) -> Iterator[PathResult]:
    return (failed_result(path, absent_error(path)) for path in paths)


def _split_packs(paths: Sequence[Path]) -> tuple[list[Pack], list[Path]]:
    """Return the archives of models among the paths, and the other paths."""
    packs = {path: pack for path in paths if not is_model_name(path.name) and (pack := pack_at(path)) is not None}
    return list(packs.values()), [path for path in paths if path not in packs]


def _add_packs(
    packs: Sequence[Pack], library: Path | None, *, remove: bool, catalog: Catalog, progress: Progress, workers: int
) -> Iterator[PathResult]:
    if packs and library is not None:
        yield from add_packs(packs, library=library, remove=remove, catalog=catalog, progress=progress, workers=workers)


def import_into_library(
    paths: Iterable[Path],
    *,
    copy: bool,
    library: Path,
    catalog: Catalog,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[PathResult]:
    """Copy or move models, with their sidecars, into the library's folders for their types, and catalog them there.

    What is in the library already is cataloged where it is, and the models of a named zip archive are unpacked there.
    Dangerous and unknown files and diffusers folders stay where they are, with a result that states why. Paths that do
    not exist are treated as `add` does.
    """
    found, absent = split_absent(paths)
    packs, rest = _split_packs(found)
    return _in_turn(
        _import(rest, LibraryImport(library, copy=copy), library, catalog, progress, workers),
        _add_packs(packs, library, remove=not copy, catalog=catalog, progress=progress, workers=workers),
        _absent_results(absent),
    )


def _add_in_place(paths: Sequence[Path], catalog: Catalog, progress: Progress, workers: int) -> Iterator[PathResult]:
    by_root: dict[int, tuple[Root, list[Path]]] = {}
    for path in paths:
        root = _root_for(path, catalog)
        by_root.setdefault(root.id, (root, []))[1].append(path)
    for root, named in by_root.values():
        contents = contents_of(root, named, catalog.known_locations(root))
        yield from contents.problems
        for result in record_changes(contents, {}, catalog=catalog, progress=progress, workers=workers):
            yield refused_if_named(result, named)


def _root_for(path: Path, catalog: Catalog) -> Root:
    """Return the known root that holds a path, or a new one: the folder itself, or the folder of a single model."""
    located = catalog.locate(path)
    is_folder = path.is_dir() and not is_diffusers_folder(path)
    if is_folder and (located is None or (located[0].path == path and not located[0].whole)):
        return catalog.ensure_root(path)
    return located[0] if located else catalog.ensure_root(path.parent, whole=False)


def _import(
    paths: Sequence[Path],
    placing: LibraryImport,
    library: Path,
    catalog: Catalog,
    progress: Progress,
    workers: int,
) -> Iterator[PathResult]:
    inside: list[Path] = []
    files: list[FoundModel] = []
    problems: list[PathResult] = []

    def report(place: Path, reason: str) -> None:
        problems.append(unreadable_place(place, reason))

    def pass_over(path: Path, sentence: str) -> None:
        problems.append(passed_over(path, sentence))

    for model in find_models(paths, on_problem=report, on_pass=pass_over):
        if library in model.path.parents:
            inside.append(model.path)
        elif model.kind == "diffusers":
            yield failed_result(model.path, _folder_error(model.path))
        else:
            files.append(model)
    yield from problems
    yield from _add_in_place(inside, catalog, progress, workers)
    if not files:
        return
    catalog.ensure_root(library, "library")
    record = partial(record_new, catalog=catalog)
    try:
        yield from read_and_record(files, record, catalog=catalog, progress=progress, workers=workers, placing=placing)
    finally:
        placing.discard()


def _folder_error(path: Path) -> ModelhubError:
    return ModelhubError(
        f"{path} was left where it is: it is a diffusers folder.", Remedy("Add it where it is.", "add-in-place")
    )
