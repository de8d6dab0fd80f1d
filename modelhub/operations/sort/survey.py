"""What lies in a folder that is to be sorted: every model file or folder, with what is known of it or read from it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog, ModelQuery, ModelRow
from modelhub.domain import Format, ModelType, Verdict
from modelhub.errors import NotFoundError
from modelhub.operations.library.inspect import inspect_many
from modelhub.progress import SILENT, Progress
from modelhub.storage.sidecars import SIDECAR_SUFFIXES
from modelhub.storage.walk import FoundModel, is_model_name, walk

_FRESH = 10.0  # seconds: what was written so lately is looked at twice
_PAUSE = 1.0  # seconds between the two looks
_SIDECAR_MODELS = tuple(suffix for suffix in SIDECAR_SUFFIXES if is_model_name(f"m{suffix}"))
_PARTNERS = (".part", ".crdownload", ".aria2", ".download", ".tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A model file, or a diffusers folder. `trouble`: (short kind, sentence) when it must stay for what it is.

    `locations`: of the catalog, (id, what follows the path). `sha256` when the catalog knows it.
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
    trouble: tuple[str, str] | None = None


@dataclass(slots=True)
class Survey:
    """All items, and the places that could not be looked at."""

    items: list[Item] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)


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
    """Identify what lies at `paths` (files, or folders with all below them); known and unchanged files are not opened.

    `outside`: a folder that is not entered, unless a path lies in it: the one that is sorted into. `algorithms`: ask
    for the algorithm of each LoRA as well. Raises NotFoundError when a path does not exist.
    """
    result = Survey()
    found = list(_found(paths, outside, result))
    known = _known(found, catalog) if catalog is not None else {}
    moving = _still_moving(found)
    unknown = [item for item in found if item.path not in known and item.path not in moving and not _link(item.path)]
    looks = dict(_identified(unknown, progress))
    for item in found:
        if item.path in moving:
            result.items.append(
                _troubled(item, "still changing", "it is still being written; sort again when it is done")
            )
        elif _link(item.path):
            result.items.append(_troubled(item, "a link", "it is a link; sort the folder that it leads to"))
        elif item.path in known:
            algorithm = _algorithm(known[item.path].row, catalog) if catalog is not None and algorithms else None
            result.items.append(_from_catalog(item, known[item.path], algorithm))
        else:
            result.items.append(looks[item.path])
    return result


def _found(paths: Iterable[Path], outside: Path | None, result: Survey) -> Iterator[FoundModel]:
    seen: set[Path] = set()

    def complain(path: Path, why: str) -> None:
        result.problems.append((path, why))

    for path in paths:
        if not os.path.lexists(path):
            raise NotFoundError(f"There is nothing at {path}.", "Check the spelling; quote names with spaces.")
        apart = None if outside is None or path == outside or outside in path.parents else outside
        if path.is_dir():
            every: Iterable[FoundModel] = walk(path, on_problem=complain)
        elif path.is_file() and is_model_name(path.name):
            status = path.stat()
            every = [FoundModel(path, status.st_size, status.st_mtime_ns, status.st_ino)]
        else:
            complain(path, "it is no model file")
            every = []
        for item in every:
            if item.path not in seen and not (apart and apart in item.path.parents):
                seen.add(item.path)
                yield item


def _link(path: Path) -> bool:
    return path.is_symlink()


def _still_moving(found: Sequence[FoundModel]) -> set[Path]:
    """Files that were written a moment ago and change between two looks, or whose download is not over."""
    now = time.time()
    moving = {item.path for item in found if _has_partner(item.path)}
    fresh = [item for item in found if abs(now - item.mtime_ns / 1e9) < _FRESH and item.path not in moving]
    if fresh:
        time.sleep(_PAUSE)
    for item in fresh:
        try:
            status = item.path.stat()
        except OSError:
            continue
        if item.kind == "file" and (status.st_size, status.st_mtime_ns) != (item.size, item.mtime_ns):
            moving.add(item.path)
    return moving


def _has_partner(path: Path) -> bool:
    return any(os.path.lexists(f"{path}{suffix}") for suffix in _PARTNERS)


def _known(found: Sequence[FoundModel], catalog: Catalog) -> Mapping[Path, _Known]:
    """Items that the catalog knows as they are: same place, size and time of change."""
    rows = {row.id: row for row in catalog.list(ModelQuery())}
    result: dict[Path, _Known] = {}
    wanted = {item.path: item for item in found}
    for root in catalog.roots():
        folders: dict[Path, list[tuple[int, str]]] = {}
        for place in catalog.known_locations(root).values():
            path = root.path / place.relative
            item = wanted.get(path)
            row = rows.get(place.model_id)
            if item is not None and row and (item.size, item.mtime_ns) == (place.size, place.mtime_ns):
                result[path] = _Known(row, place.sha256, ((place.id, ""),))
            for above in path.parents:
                if above == root.path.parent:
                    break
                if above in wanted and wanted[above].kind == "diffusers":
                    folders.setdefault(above, []).append((place.id, str(path)[len(str(above)) :]))
                    if row and place.relative.endswith("model_index.json"):
                        result[above] = _Known(row, place.sha256, ())
        for folder, places in folders.items():
            if folder in result:
                result[folder] = _Known(result[folder].row, "", tuple(places))
    return result


def _algorithm(row: ModelRow, catalog: Catalog) -> str | None:
    return catalog.get(row.id).detection.algorithm if row.type == ModelType.LORA else None


def _from_catalog(item: FoundModel, known: _Known, algorithm: str | None) -> Item:
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
        trouble=_trouble(ModelType(row.type), Verdict(row.verdict), broken=row.broken),
    )


def _identified(found: Sequence[FoundModel], progress: Progress) -> Iterator[tuple[Path, Item]]:
    looks = inspect_many([item.path for item in found], progress=progress)
    for item, look in zip(found, looks, strict=True):
        detection = look.detection
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
                format=look.format,
                name=item.path.stem,
                trouble=_trouble(detection.type, look.safety.verdict, broken=look.broken, problems=look.problems),
            ),
        )


def _trouble(
    type_: ModelType, verdict: Verdict, *, broken: bool, problems: Sequence[str] = ()
) -> tuple[str, str] | None:
    """Why something stays whatever the layout: dangerous, broken, or not known well enough."""
    unsafe = (verdict.value, "loading it could run code; `modelhub inspect` says what was found")
    if verdict is Verdict.DANGEROUS:
        return unsafe
    if broken:
        return "broken", problems[0] if problems else "the file is damaged or was not downloaded whole"
    if verdict is Verdict.SUSPICIOUS:
        return unsafe
    if type_ in (ModelType.UNKNOWN, ModelType.OTHER) or verdict is Verdict.UNRECOGNISED:
        return "not sure", "it is not known what it is; `modelhub inspect --why` says what was looked at"
    return None


def _troubled(item: FoundModel, kind: str, words: str) -> Item:
    return Item(path=item.path, size=item.size, mtime_ns=item.mtime_ns, name=item.path.stem, trouble=(kind, words))


def is_sidecar_model(path: Path, names: set[str]) -> bool:
    """Whether a model file is another model's sidecar, as `m.vae.pt` is of `m.safetensors`: it stays with that one."""
    for suffix in _SIDECAR_MODELS:
        if path.name.lower().endswith(suffix):
            stem = path.name[: -len(suffix)]
            if any(f"{stem}{ending}".casefold() in names for ending in (".safetensors", ".ckpt", ".sft", ".pt")):
                return True
    return False
