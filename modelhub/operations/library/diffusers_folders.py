"""Record diffusers folders: models of many files, which are hashed and identified as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from modelhub.catalog import Catalog, KnownLocation, NewFile, NewLocation, NewModel, Root
from modelhub.detect import rules_version
from modelhub.detect.hints import Hints
from modelhub.detect.weights.fingerprints import FingerprintSink
from modelhub.domain import Inspection, SafetyReport, Source, Verdict
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.folders.contents import companion_findings
from modelhub.formats.tensors import TensorSpan, tensor_spans
from modelhub.operations.library.companions import inspect_unnamed
from modelhub.operations.library.identify import store_digests
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.progress import Progress
from modelhub.storage.hashing import FullHashes, hash_files
from modelhub.storage.model_names import is_model_name

_INDEX = "model_index.json"
# What a pulled or cloned folder holds besides the model itself.
_NOT_THE_MODEL = {".git", ".cache", ".huggingface", ".gitattributes", ".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class FolderPart:
    """A file of the folder. `relative`: its path in the folder, with `/`."""

    relative: str
    path: Path


def list_parts(folder: Path) -> list[FolderPart]:
    """Return all files of the model: `model_index.json`, its main file, then the others in the order of their names."""
    found = [FolderPart(path.relative_to(folder).as_posix(), path) for path in _files(folder)]
    return sorted(found, key=lambda part: (part.relative != _INDEX, part.relative))


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_THE_MODEL)
        paths = (Path(parent, name) for name in names if name not in _NOT_THE_MODEL)
        yield from (path for path in paths if path.is_file())  # not a pipe, and not a link that leads nowhere


def record_folder(
    folder: Path,
    root: Root,
    known: Mapping[str, KnownLocation],
    *,
    catalog: Catalog,
    progress: Progress,
    workers: int = 0,
) -> PathResult:
    """Record a diffusers folder, unless it has not changed; return the result for its path."""
    parts = list_parts(folder)
    top = folder.relative_to(root.path).as_posix()
    places = [known.get(f"{top}/{part.relative}" if top != "." else part.relative) for part in parts]
    if all(place is not None and _same(part.path, place) for part, place in zip(parts, places, strict=True)):
        first = places[0]
        return PathResult(path=folder, status=PathStatus.UNCHANGED, model_id=first.model_id if first else None)
    try:
        entry = read_folder(folder, parts, progress=progress, workers=workers)
    except ModelhubError as exc:
        return PathResult(path=folder, status=PathStatus.FAILED, message=exc.message, remedy=exc.remedy)
    record = catalog.record(entry)
    changed = any(place is not None for place in places)
    status = PathStatus.UPDATED if changed else PathStatus.ADDED
    if entry.inspection and entry.inspection.safety.verdict is Verdict.DANGEROUS:
        status = PathStatus.DANGEROUS
    return PathResult(path=folder, status=status, model_id=record.id, inspection=entry.inspection)


def _same(path: Path, place: KnownLocation) -> bool:
    status = path.stat()
    return (status.st_size, status.st_mtime_ns) == (place.size, place.mtime_ns)


def read_folder(folder: Path, parts: list[FolderPart], *, progress: Progress, workers: int = 0) -> NewModel:
    """Hash every file and identify the folder. Raise ModelhubError when a file cannot be read."""
    by_path = {part.path: part for part in parts}
    sinks = _sinks(parts)
    files: dict[str, NewFile] = {}
    with progress.task(f"reading {folder.name}", total=sum(part.path.stat().st_size for part in parts)) as task:
        results = hash_files(
            list(by_path),
            workers=workers or None,
            progress_task=task,
            sinks_for=lambda path: (sinks[path],) if path in sinks else (),
        )
        for result in results:
            if result.error is not None or result.found is None:
                raise result.error or ModelhubError(f"{result.path} could not be read.")
            part = by_path[result.path]
            files[part.relative] = _new_file(part, result.found)
    whole = inspect_header(folder, read_header(folder), hints=Hints(names=(folder.name,)))
    ordered = [files[part.relative] for part in parts]
    if ordered and sinks:
        ordered[0] = replace(ordered[0], fingerprints=store_digests(sinks.values()))
    return NewModel(
        name=folder.name,
        inspection=whole,
        files=tuple(ordered),
        sources=(Source(kind="local", reference=str(folder)),),
        rules_version=rules_version(),
    )


def _sinks(parts: list[FolderPart]) -> dict[Path, FingerprintSink]:
    """Return a sink for each weight file. Tensor names get the sub-folder in front, which says what they belong to."""
    named: dict[Path, tuple[TensorSpan, ...]] = {}
    for part in parts:
        if is_model_name(part.path.name):
            prefix = part.relative.rpartition("/")[0]
            named[part.path] = tuple(_prefixed(span, prefix) for span in _spans(part.path))
    every = [span for group in named.values() for span in group]
    return {path: FingerprintSink(group, model=every) for path, group in named.items() if group}


def _prefixed(span: TensorSpan, prefix: str) -> TensorSpan:
    from modelhub.formats.tensors import rename_span

    return rename_span(span, f"{prefix}/{span.name}") if prefix else span


def _spans(path: Path) -> tuple[TensorSpan, ...]:
    try:
        return tensor_spans(path)
    except ModelhubError:
        return ()


def _new_file(part: FolderPart, found: FullHashes) -> NewFile:
    inspection = _part_inspection(part)
    location = NewLocation(path=part.path, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode or None)
    return NewFile(inspection=replace(inspection, hashes=found.hashes), location=location, role=part.relative)


def _part_inspection(part: FolderPart) -> Inspection:
    if is_model_name(part.path.name):
        return inspect_header(part.path, read_header(part.path), hints=Hints(names=(part.path.name,)))
    inspection = inspect_unnamed(part.path, hints=Hints(names=(part.path.name,)))
    findings = tuple(text for _, text in companion_findings(part.path, part.relative))
    if findings and inspection.safety.verdict is not Verdict.DANGEROUS:
        report = SafetyReport(Verdict.SUSPICIOUS, (*findings, *inspection.safety.findings))
        return replace(inspection, safety=report)
    return inspection
