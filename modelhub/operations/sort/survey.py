"""Find the models in the folders to be sorted, with what the catalog knows of each or its content shows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog, ModelRow
from modelhub.domain import Format, ModelType
from modelhub.errors import NotFoundError
from modelhub.operations.library.inspect import (
    inspect_many,
    is_not_model,
    is_unlike_model,
    reason_to_pass,
    reason_to_pass_archive,
)
from modelhub.operations.sort.survey_problems import CHANGING, LINK, SurveyProblem, known_problem, problem_of
from modelhub.progress import SILENT, Progress
from modelhub.storage.model_names import is_model_name, model_stem
from modelhub.storage.sidecar_names import SIDECAR_SUFFIXES
from modelhub.storage.walk import UNFINISHED, FoundModel, walk

_RECENT = 10.0  # seconds; files changed so recently are checked twice
_PAUSE = 1.0  # seconds between the two checks
_SIDECAR_MODELS = tuple(suffix for suffix in SIDECAR_SUFFIXES if is_model_name(f"m{suffix}"))
_DOWNLOAD_SUFFIXES = (".part", ".crdownload", ".aria2", ".download", ".tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A model file, or a diffusers folder. `problem`: why it must be left in place, wherever it is sorted to.

    `locations`: of the catalog, (id, the rest of the path). `sha256`: None when the catalog does not know it.
    """

    path: Path
    size: int
    mtime_ns: int
    type: ModelType = ModelType.UNKNOWN
    architecture: str | None = None
    style: str = "unknown"
    variant: str | None = None
    precision: str | None = None
    algorithm: str | None = None
    format: Format = Format.UNKNOWN
    name: str = ""
    sha256: str | None = None
    locations: tuple[tuple[int, str], ...] = ()
    problem: SurveyProblem | None = None


@dataclass(slots=True)
class Survey:
    """All items, and the paths that could not be read or were passed over, each with a sentence."""

    items: list[Item] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)
    passed: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    row: ModelRow
    sha256: str
    locations: tuple[tuple[int, str], ...]


def survey(
    paths: Sequence[Path],
    *,
    catalog: Catalog | None,
    outside: Path | None = None,
    algorithms: bool = False,
    progress: Progress = SILENT,
) -> Survey:
    """Return the models at `paths` (files, or folders with everything below); known unchanged files are not opened.

    `outside`: a folder that is not entered unless a path is in it, the one that is sorted into. `algorithms`: find out
    the algorithm of each LoRA as well. Raise NotFoundError when a path does not exist.
    """
    result = Survey()
    found = list(_found(paths, outside, result))
    known = _known(found, paths, catalog) if catalog is not None else {}
    changing = _still_changing(found)
    unknown = [
        item for item in found if item.path not in known and item.path not in changing and not _is_link(item.path)
    ]
    identified = dict(_identify(unknown, progress))
    for item in found:
        if item.path in changing:
            result.items.append(_left_in_place(item, CHANGING))
        elif _is_link(item.path):
            result.items.append(_left_in_place(item, LINK))
        elif item.path in known:
            algorithm = _algorithm(known[item.path].row, catalog) if catalog is not None and algorithms else None
            result.items.append(_from_catalog(item, known[item.path], algorithm, catalog))
        elif isinstance(answer := identified[item.path], Item):
            result.items.append(answer)
        elif item.path in paths:
            result.problems.append((item.path, f"It is not a model file. {answer}"))
        else:
            result.passed.append((item.path, answer))
    return result


def _found(paths: Iterable[Path], outside: Path | None, result: Survey) -> Iterator[FoundModel]:
    seen: set[Path] = set()

    def report(path: Path, why: str) -> None:
        result.problems.append((path, why))

    def pass_over(path: Path, sentence: str) -> None:
        # A download that is still running is nothing to report on each click.
        if sentence != UNFINISHED and not (outside and outside in path.parents):
            result.passed.append((path, sentence))

    for path in paths:
        if not os.path.lexists(path):
            raise NotFoundError(f"{path} does not exist.", "Check the spelling; quote names with spaces.")
        apart = None if outside is None or path == outside or outside in path.parents else outside
        if path.is_dir():
            every: Iterable[FoundModel] = walk(path, on_problem=report, on_pass=pass_over)
        elif path.is_file():
            status = path.stat()
            named = is_model_name(path.name)
            every = [FoundModel(path, status.st_size, status.st_mtime_ns, status.st_ino, named=named)]
        else:
            report(path, "It is not a model file.")
            every = []
        for item in every:
            if item.path not in seen and not (apart and apart in item.path.parents):
                seen.add(item.path)
                yield item


def _is_link(path: Path) -> bool:
    return path.is_symlink()


def _still_changing(found: Sequence[FoundModel]) -> set[Path]:
    """Return the files that change between two checks, or whose download is not complete."""
    now = time.time()
    changing = {item.path for item in found if _has_download(item.path)}
    recent = [item for item in found if abs(now - item.mtime_ns / 1e9) < _RECENT and item.path not in changing]
    if recent:
        time.sleep(_PAUSE)
    for item in recent:
        try:
            status = item.path.stat()
        except OSError:
            continue
        if item.kind == "file" and (status.st_size, status.st_mtime_ns) != (item.size, item.mtime_ns):
            changing.add(item.path)
    return changing


def _has_download(path: Path) -> bool:
    return any(os.path.lexists(f"{path}{suffix}") for suffix in _DOWNLOAD_SUFFIXES)


def _known(found: Sequence[FoundModel], paths: Sequence[Path], catalog: Catalog) -> Mapping[Path, _Known]:
    """Return the items that the catalog knows in this place with this size and time of change."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    places = dict(place for folder in folders for place in catalog.locations_at(folder))
    rows = {row.id: row for row in catalog.rows(sorted({place.model_id for place in places.values()}))}
    result: dict[Path, _Known] = {}
    for item in found:
        place = places.get(item.path / "model_index.json" if item.kind == "diffusers" else item.path)
        row = rows.get(place.model_id) if place else None
        if place is None or row is None:
            continue
        if item.kind == "diffusers":
            inside = catalog.locations_at(item.path)
            suffixes = tuple((one.id, str(path)[len(str(item.path)) :]) for path, one in inside)
            result[item.path] = _Known(row, "", suffixes)
        elif (item.size, item.mtime_ns) == (place.size, place.mtime_ns):
            result[item.path] = _Known(row, place.sha256, ((place.id, ""),))
    return result


def _algorithm(row: ModelRow, catalog: Catalog) -> str | None:
    return catalog.get(row.id).detection.algorithm if row.type == ModelType.LORA else None


def _from_catalog(item: FoundModel, known: _Known, algorithm: str | None, catalog: Catalog | None) -> Item:
    row = known.row
    return Item(
        path=item.path,
        size=item.size,
        mtime_ns=item.mtime_ns,
        type=ModelType(row.type),
        architecture=row.architecture
        or (row.architecture_candidates[0] if len(row.architecture_candidates) == 1 else None),
        style=row.style,
        variant=row.variant,
        precision=row.precision,
        algorithm=algorithm,
        format=Format(row.format),
        name=row.name,
        sha256=known.sha256 or None,
        locations=known.locations,
        problem=known_problem(row, catalog),
    )


def _identify(found: Sequence[FoundModel], progress: Progress) -> Iterator[tuple[Path, Item | str]]:
    """Yield the answer for each file: an item, or why a file that is not named as a model is passed over."""
    archives = {item.path: why for item in found if not item.named and (why := reason_to_pass_archive(item.path))}
    yield from archives.items()
    found = [item for item in found if item.path not in archives]
    inspections = inspect_many([item.path for item in found], progress=progress)
    for item, inspection in zip(found, inspections, strict=True):
        if not item.named and is_unlike_model(inspection):
            yield item.path, reason_to_pass(inspection)
            continue
        detection = inspection.detection
        candidates = detection.architecture_candidates
        yield (
            item.path,
            Item(
                path=item.path,
                size=item.size,
                mtime_ns=item.mtime_ns,
                type=detection.type,
                architecture=detection.architecture or (candidates[0] if len(candidates) == 1 else None),
                style=detection.style.value.value,
                variant=detection.variant.value if detection.variant else None,
                precision=detection.precision,
                algorithm=detection.algorithm,
                format=inspection.format,
                name=model_stem(item.path.name),
                problem=problem_of(
                    detection.type,
                    inspection.safety,
                    broken=inspection.broken,
                    problems=inspection.problems,
                    is_model=not is_not_model(inspection),
                ),
            ),
        )


def _left_in_place(item: FoundModel, problem: SurveyProblem) -> Item:
    return Item(
        path=item.path, size=item.size, mtime_ns=item.mtime_ns, name=model_stem(item.path.name), problem=problem
    )


def is_sidecar_model(path: Path, names: set[str]) -> bool:
    """Return whether a model file is a sidecar of another model, as `m.vae.pt` is of `m.safetensors`."""
    for suffix in _SIDECAR_MODELS:
        if path.name.lower().endswith(suffix):
            stem = path.name[: -len(suffix)]
            if any(f"{stem}{ending}".casefold() in names for ending in (".safetensors", ".ckpt", ".sft", ".pt")):
                return True
    return False
