"""Read new and changed models, and bring the catalog up to date with what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from modelhub.catalog import Catalog, KnownLocation, NewFile, NewLocation, NewModel, Root
from modelhub.detect import rules_version
from modelhub.domain import Format, LocationState, Source, Verdict
from modelhub.operations.library.diffusers_folders import record_folder
from modelhub.operations.library.folder_changes import FolderContents, compare
from modelhub.operations.library.identify import FailedFile, IdentifiedFile, Placing, identify_files
from modelhub.operations.library.identity import keep_identity
from modelhub.operations.library.inspect import is_not_model
from modelhub.operations.library.path_results import PathResult, PathStatus, failed_result, passed_over
from modelhub.progress import Progress
from modelhub.storage.copy_marks import without_copy_mark
from modelhub.storage.model_names import is_model_name, model_stem
from modelhub.storage.walk import FoundModel

_FILES_PER_TRANSACTION = 64
_SECONDS_PER_TRANSACTION = 1.0


def record_changes(
    contents: FolderContents, gone: dict[int, KnownLocation], *, catalog: Catalog, progress: Progress, workers: int
) -> Iterator[PathResult]:
    """Record every found model and yield its result. A place in `gone` that turns up elsewhere is taken out of it."""
    root = contents.root
    changes = compare(contents, gone)
    for place in changes.unchanged:
        yield PathResult(path=root.path / place.relative, status=PathStatus.UNCHANGED, model_id=place.model_id)
    if changes.back:
        catalog.mark([place.id for place in changes.back], LocationState.PRESENT)
    for place in changes.back:
        yield PathResult(path=root.path / place.relative, status=PathStatus.BACK, model_id=place.model_id)
    for model, place in changes.moved:
        gone.pop(place.id, None)
        yield _record_move(model.path, place, root, catalog)
    gone_by_content = {place.sha256: place for place in gone.values()}

    def record(file: IdentifiedFile) -> PathResult:
        former = gone_by_content.pop(_sha256(file), None)
        if former is not None and gone.pop(former.id, None) is not None:
            return _record_move(file.path, former, root, catalog)
        return _record_file(file, contents.known_place(file.path), catalog)

    yield from read_and_record(changes.unread, record, catalog=catalog, progress=progress, workers=workers)
    for model in changes.folders:
        yield record_folder(model.path, root, contents.known, catalog=catalog, progress=progress, workers=workers)


def read_and_record(
    models: Sequence[FoundModel],
    record: Callable[[IdentifiedFile], PathResult],
    *,
    catalog: Catalog,
    progress: Progress,
    workers: int,
    placing: Placing | None = None,
) -> Iterator[PathResult]:
    """Read files once each, put them in their places with `placing`, and record them, many in one transaction."""
    with progress.task("reading", total=sum(model.size for model in models)) as task:
        paths = [model.path for model in models]
        unnamed = {model.path for model in models if not model.named}
        files = identify_files(paths, workers=workers, task=task, placing=placing, unnamed=unnamed)
        for group in _groups(files):
            with catalog.batch():
                results = [_result(file, record) for file in group]
            yield from results


def record_new(file: IdentifiedFile, catalog: Catalog) -> PathResult:
    """Record a file in a place that the catalog does not know. A known content gets another place."""
    held = catalog.file_by_sha256(_sha256(file))
    file = replace(file, inspection=keep_identity(file.inspection, held))
    known_here = held is not None and any(place.path == file.path for place in held.locations)
    record = catalog.record(
        NewModel(
            name=name_from_file(file.path.name, catalog),
            files=(new_file(file),),
            sources=(Source(kind="local", reference=str(file.path)),),
            rules_version=rules_version(),
        )
    )
    if file.inspection.safety.verdict is Verdict.DANGEROUS:
        status = PathStatus.DANGEROUS
    elif known_here:
        status = PathStatus.UNCHANGED
    else:
        status = PathStatus.COPY if held else PathStatus.ADDED
    return PathResult(path=file.path, status=status, model_id=record.id, inspection=file.inspection)


def name_from_file(file_name: str, catalog: Catalog) -> str:
    """Return a model's name: its file's without suffix, and without the mark of a copy unless another model has that.

    "x (1).safetensors" names the model "x", but remains "x (1)" beside a model "x" of other content.
    """
    stem = model_stem(file_name)
    plain = without_copy_mark(stem)
    if plain == stem:
        return stem
    is_taken = any(record.name == plain for record in catalog.find(plain, exact=True))
    return stem if is_taken else plain


def new_file(file: IdentifiedFile, *, role: str = "weights") -> NewFile:
    """Return what the catalog records of an identified file."""
    found = file.found
    return NewFile(
        inspection=file.inspection,
        location=NewLocation(path=file.path, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode or None),
        role=role,
        fingerprints=file.digests,
    )


def _groups(files: Iterable[IdentifiedFile | FailedFile]) -> Iterator[list[IdentifiedFile | FailedFile]]:
    """Yield files as they come, a second's worth at a time: few transactions, and little lost when killed."""
    group: list[IdentifiedFile | FailedFile] = []
    last = time.monotonic()
    for file in files:
        group.append(file)
        if len(group) >= _FILES_PER_TRANSACTION or time.monotonic() - last > _SECONDS_PER_TRANSACTION:
            yield group
            group, last = [], time.monotonic()
    if group:
        yield group


def _result(file: IdentifiedFile | FailedFile, record: Callable[[IdentifiedFile], PathResult]) -> PathResult:
    return failed_result(file.path, file.error) if isinstance(file, FailedFile) else record(file)


def _record_move(path: Path, place: KnownLocation, root: Root, catalog: Catalog) -> PathResult:
    status = path.stat()
    catalog.move_location(place.id, root, path.relative_to(root.path).as_posix())
    catalog.touch_location(place.id, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
    message = f"It was {place.relative}."
    return PathResult(path=path, status=PathStatus.MOVED, model_id=place.model_id, message=message)


def _record_file(file: IdentifiedFile, place: KnownLocation | None, catalog: Catalog) -> PathResult:
    path, inspection = file.path, file.inspection
    if inspection.format is Format.UNKNOWN and not is_model_name(path.name):
        is_dangerous = inspection.safety.verdict is Verdict.DANGEROUS
        reasons = inspection.safety.findings if is_dangerous else inspection.problems
        status = PathStatus.DANGEROUS if is_dangerous else PathStatus.FAILED
        return PathResult(path=path, status=status, message=" ".join(("It is not a model file.", *reasons[:1])))
    if place is None and is_not_model(inspection):
        return passed_over(path, inspection.problems[0])
    if place is None:
        return record_new(file, catalog)
    if place.sha256 == _sha256(file):
        found = file.found
        catalog.touch_location(place.id, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode or None)
        return PathResult(path=path, status=PathStatus.UNCHANGED, model_id=place.model_id, inspection=inspection)
    record = catalog.replace_content(place.id, new_file(file), rules_version=rules_version())
    return PathResult(
        path=path,
        status=PathStatus.UPDATED,
        model_id=record.id,
        inspection=inspection,
        message="Its content has changed.",
    )


def _sha256(file: IdentifiedFile) -> str:
    return file.found.hashes.sha256
