"""Convert pulled pickles into safetensors before they are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog
from modelhub.detect.hints import Hints
from modelhub.domain import LocationState, ModelRecord
from modelhub.errors import UnsafeError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.formats import read_header
from modelhub.operations.convert.convert_file import convert_file
from modelhub.operations.convert.options import ConversionOptions
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.remote.check import PICKLES, CheckedFile
from modelhub.operations.remote.obtain import FileOrigin
from modelhub.progress import Progress
from modelhub.storage.hashing import hash_file


def is_pickle(item: CheckedFile) -> bool:
    """Return whether a file is a pickle, which can be converted."""
    return item.inspection.format in PICKLES


def find_converted(remote: RemoteModel, files: Sequence[RemoteFile], *, catalog: Catalog) -> tuple[ModelRecord, ...]:
    """Return the models that an earlier pull converted from all `files`; nothing unless all of them are present."""
    found = []
    for file in files:
        records = catalog.from_source(remote.kind, remote.reference, _converted_name(file.name), remote.commit)
        present = [record for record in records if record.state is LocationState.PRESENT]
        if not present:
            return ()
        found.append(present[0])
    return tuple(found)


def _converted_name(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".safetensors"))


def convert_pickles(items: Sequence[CheckedFile], *, staging: Path, progress: Progress) -> tuple[CheckedFile, ...]:
    """Return each pickle as a safetensors file in `staging`, and other files as they are.

    A file that an interrupted run has converted is used again: it only gets its name when it is complete.
    """
    return tuple(_convert_pickle(item, staging, progress) if is_pickle(item) else item for item in items)


def _convert_pickle(item: CheckedFile, staging: Path, progress: Progress) -> CheckedFile:
    file, inspection = item.file, item.inspection
    name = f"{Path(file.name).stem}.safetensors"
    target = staging / file.hashes.sha256[:20] / name
    if not target.exists():
        convert_file(file.path, target, ConversionOptions(), source_sha256=file.hashes.sha256, progress=progress)
    hashes = hash_file(target)
    hints = Hints(names=(file.name, name), sha256=hashes.sha256, trigger_words=inspection.detection.trigger_words)
    checked = replace(inspect_header(target, read_header(target), hints=hints), hashes=hashes)
    if checked.detection.type != inspection.detection.type:
        before, after = inspection.detection.type, checked.detection.type
        raise UnsafeError(f"{file.name}: the conversion changed the type from {before} to {after}.")
    remote = replace(file.remote, name=_converted_name(file.remote.name))
    obtained = replace(
        file,
        remote=remote,
        path=target,
        name=name,
        hashes=hashes,
        size=target.stat().st_size,
        origin=FileOrigin.DOWNLOADED,
    )
    return CheckedFile(file=obtained, inspection=checked)
