"""`pull --convert`: pickles that were just downloaded become safetensors before anything is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog
from modelhub.domain import Format, Hints, LocationState, ModelRecord
from modelhub.errors import UnsafeError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.formats import read_header
from modelhub.operations.convert.convert_file import convert_file
from modelhub.operations.convert.plan import ConversionOptions
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.remote.publish import CheckedFile
from modelhub.progress import Progress
from modelhub.storage.hashing import hash_file

_PICKLES = (Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE)


def is_pickle(item: CheckedFile) -> bool:
    """Whether this file is of a kind that `--convert` is about."""
    return item.inspection is not None and item.inspection.format in _PICKLES


def held(remote: RemoteModel, files: Sequence[RemoteFile], *, catalog: Catalog) -> tuple[ModelRecord, ...]:
    """The twins of all `files`, where an earlier run made them and they are still there; else nothing."""
    found = []
    for file in files:
        records = catalog.from_source(remote.kind, remote.reference, _twin(file.name), remote.commit)
        present = [record for record in records if record.state is LocationState.PRESENT]
        if not present:
            return ()
        found.append(present[0])
    return tuple(found)


def _twin(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".safetensors"))


def converted(items: Sequence[CheckedFile], *, staging: Path, progress: Progress) -> tuple[CheckedFile, ...]:
    """Each pickle replaced by its safetensors twin in `staging`; other files as they are.

    A twin that an interrupted run finished is used again: it is only ever given its name when it is whole.
    """
    return tuple(_converted(item, staging, progress) if is_pickle(item) else item for item in items)


def _converted(item: CheckedFile, staging: Path, progress: Progress) -> CheckedFile:
    file, inspection = item.file, item.inspection
    assert inspection is not None
    name = f"{Path(file.name).stem}.safetensors"
    target = staging / file.hashes.sha256[:20] / name
    if not target.exists():
        convert_file(file.path, target, ConversionOptions(), source_sha256=file.hashes.sha256, progress=progress)
    hashes = hash_file(target)
    hints = Hints(names=(file.name, name), sha256=hashes.sha256, trigger_words=inspection.detection.trigger_words)
    answer = replace(inspect_header(target, read_header(target), hints=hints), hashes=hashes)
    if answer.detection.type != inspection.detection.type:
        raise UnsafeError(f"{file.name} became {answer.detection.type}, though it was {inspection.detection.type}.")
    remote = replace(file.remote, name=_twin(file.remote.name))
    obtained = replace(
        file, remote=remote, path=target, name=name, hashes=hashes, size=target.stat().st_size, how="downloaded"
    )
    return CheckedFile(file=obtained, inspection=answer)
