"""Bring files into the library: copied or moved to the folder of their type, sidecars with them, then catalogued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.domain import Detection, Format, ModelType, Verdict
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.operations.library.add import add
from modelhub.operations.library.inspect import inspect
from modelhub.operations.library.model_paths import find_models
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.progress import SILENT, Progress
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import sha256_of
from modelhub.storage.place import copy, move
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecars import renamed_sidecar, sidecars_of
from modelhub.uis.library import LIBRARY


def bring(
    paths: Iterable[Path],
    *,
    keep: bool,
    library: Path,
    catalog: Catalog,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[PathResult]:
    """Copy (`keep`) or move each model into the library and catalogue it there; one outcome a path.

    What is dangerous, unknown or a diffusers folder stays where it is, and is said to.
    """
    named = [Path(path).absolute() for path in paths]
    for path in named:
        if not path.exists():
            raise NotFoundError(f"There is nothing at {path}.", "Check the spelling; quote names with spaces.")
    for path in find_models(named):
        try:
            target = _bring_one(path, keep=keep, library=library)
        except ModelhubError as exc:
            yield PathResult(path=path, status=PathStatus.FAILED, message=f"{exc.message} {exc.remedy.text}".strip())
            continue
        yield from add([target], catalog=catalog, progress=progress, workers=workers)


def _bring_one(path: Path, *, keep: bool, library: Path) -> Path:
    look = inspect(path)
    if look.safety.verdict is Verdict.DANGEROUS:
        raise ModelhubError(f"{path.name} would run code when loaded; it was left where it is.")
    if look.format is Format.DIFFUSERS:
        raise ModelhubError(f"{path.name} is a diffusers folder.", "Add it where it is, without --copy or --move.")
    if look.detection.type is ModelType.UNKNOWN:
        raise ModelhubError(f"{path.name} is no model that modelhub knows; it was left where it is.")
    if library in path.parents:
        return path
    target = library / _folder(look.detection) / safe_name(path.name)
    # The sidecars first: if the run breaks off between, the model itself has not moved and the next run goes on.
    pairs = [(sidecar, renamed_sidecar(sidecar, path, target)) for sidecar in sidecars_of(path)]
    for source, place in (*pairs, (path, target)):
        _transfer(source, place, keep=keep, library=library)
    return target


def _folder(detection: Detection) -> str:
    return str(LIBRARY.folder_for(detection.type, algorithm=detection.algorithm))


def _transfer(source: Path, target: Path, *, keep: bool, library: Path) -> None:
    try:
        (copy if keep else move)(source, target, within=library)
    except TargetExistsError as exc:
        same = target.is_file() and target.stat().st_size == source.stat().st_size
        if not same or sha256_of(target) != sha256_of(source):
            raise TargetExistsError(
                f"{target} exists already and is another file; {source.name} was left where it is.",
                "Rename one of the two.",
            ) from exc
