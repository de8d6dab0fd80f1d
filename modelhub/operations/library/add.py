"""Add and scan: catalogue files where they are, and keep the catalog true when they change, move or vanish.

A known file whose size, time of change and inode are unchanged is not read again. A new one is read once, for all its
hashes and component digests together; its header says what it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelhub.catalog import Catalog, KnownLocation, NewFile, NewLocation, NewModel, Root
from modelhub.detect import rules_version
from modelhub.domain import Format, LocationState, Source, Verdict
from modelhub.errors import NotFoundError
from modelhub.formats import read_header
from modelhub.operations.library.diffusers_folders import record_folder
from modelhub.operations.library.identify import IdentifiedFile, UnreadableFile, identify_files
from modelhub.operations.library.inspect import collect_hints, inspect_header
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.progress import SILENT, Progress
from modelhub.storage.walk import FoundModel, is_model_name, walk

_MOST_AT_ONCE = 64  # files recorded in one transaction
_SECONDS_AT_ONCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """One root: what lies there now, what the catalog knows of it, what could not be read."""

    root: Root
    found: Mapping[str, FoundModel]
    known: Mapping[str, KnownLocation]
    problems: tuple[PathResult, ...] = ()


@dataclass(slots=True)
class _Sorted:
    """Where each found path belongs. `gone`: known places at which nothing lies any more, by content and by inode."""

    unchanged: list[FoundModel] = field(default_factory=list)
    back: list[KnownLocation] = field(default_factory=list)
    moved: list[tuple[FoundModel, KnownLocation]] = field(default_factory=list)
    folders: list[FoundModel] = field(default_factory=list)
    unread: list[FoundModel] = field(default_factory=list)


def add(
    paths: Iterable[Path], *, catalog: Catalog, progress: Progress = SILENT, workers: int = 0
) -> Iterator[PathResult]:
    """Catalogue files and folders where they are; one outcome a path, as it is done.

    Raises NotFoundError, before anything is done, when one of `paths` does not exist.
    """
    named = [Path(path).absolute() for path in paths]
    for path in named:
        if not path.exists():
            raise NotFoundError(f"There is nothing at {path}.", "Check the spelling; quote names with spaces.")
    for path in named:
        survey = _survey_path(path, catalog)
        yield from survey.problems
        yield from _take_in(survey, {}, catalog, progress, workers)


def scan(
    roots: Sequence[Root], *, catalog: Catalog, progress: Progress = SILENT, workers: int = 0
) -> Iterator[PathResult]:
    """Compare every root with what the catalog knows of it. Nothing is ever dropped from the catalog."""
    surveys = []
    for root in roots:
        known = catalog.known_locations(root)
        if root.path.is_dir():
            surveys.append(_own(_survey(root, root.path, known), catalog.roots()))
        else:
            catalog.mark([place.id for place in known.values()], LocationState.UNAVAILABLE)
            text = f"the folder is out of reach; its {len(known)} files are kept as unavailable"
            yield PathResult(path=root.path, status=PathStatus.UNAVAILABLE, message=text)
    gone = {
        place.id: place
        for survey in surveys
        for relative, place in survey.known.items()
        if relative not in survey.found and not _inside_found_folder(relative, survey)
    }
    for survey in surveys:
        yield from survey.problems
        yield from _take_in(survey, gone, catalog, progress, workers)
    paths = {place.id: s.root.path / relative for s in surveys for relative, place in s.known.items()}
    fresh = [place for place in gone.values() if place.state is not LocationState.MISSING]
    catalog.mark([place.id for place in fresh], LocationState.MISSING)
    for place in gone.values():
        yield PathResult(path=paths[place.id], status=PathStatus.MISSING, model_id=place.model_id)


def resolve_roots(name: Path | None, catalog: Catalog) -> tuple[Root, ...]:
    """All roots, or the one of that name or path. Raises NotFoundError with the known ones."""
    roots = catalog.roots()
    if name is None:
        return tuple(roots)
    chosen = tuple(root for root in roots if root.name == str(name) or root.path == name.absolute())
    if not chosen:
        known = ", ".join(f"{root.name} ({root.path})" for root in roots) or "none yet"
        raise NotFoundError(f"{name} is no folder that the catalog knows.", f"Known: {known}. `modelhub add` adds one.")
    return chosen


def reidentify_outdated(catalog: Catalog, *, progress: Progress = SILENT) -> int:
    """Identify files again, from their headers, whose answers come from older rules; return how many there were."""
    stale = list(catalog.stale_files(rules_version()))
    with progress.task("identifying anew", total=len(stale), unit="files") as task:
        for file in stale:
            task.advance(1)
            place = next((p for p in file.locations if p.state is LocationState.PRESENT and p.path.is_file()), None)
            if place is None:
                continue
            hints = replace(collect_hints(place.path), sha256=file.sha256)
            look = replace(inspect_header(place.path, read_header(place.path), hints=hints), hashes=file.hashes)
            catalog.update_file(file.sha256, look, rules_version=rules_version())
    return len(stale)


def _survey_path(path: Path, catalog: Catalog) -> _Survey:
    """What `add` was pointed at, seen from the known root that it lies in, else from a new one."""
    is_folder = path.is_dir() and not (path / "model_index.json").is_file()
    located = catalog.locate(path)
    if is_folder and (located is None or (located[0].path == path and not located[0].whole)):
        root = catalog.ensure_root(path)
    else:
        root = located[0] if located else catalog.ensure_root(path.parent, whole=False)
    return _survey(root, path, catalog.known_locations(root))


def _survey(root: Root, path: Path, known: Mapping[str, KnownLocation]) -> _Survey:
    problems: list[PathResult] = []

    def complain(place: Path, why: str) -> None:
        problems.append(PathResult(path=place, status=PathStatus.FAILED, message=why))

    if path.is_dir() and not (path / "model_index.json").is_file():
        found = list(walk(path, on_problem=complain))
    else:
        status = path.stat()
        kind = "diffusers" if path.is_dir() else "file"
        found = [FoundModel(path, status.st_size, status.st_mtime_ns, status.st_ino, kind)]  # type: ignore[arg-type]
    by_relative = {item.path.relative_to(root.path).as_posix(): item for item in found}
    return _Survey(root=root, found=by_relative, known=known, problems=tuple(problems))


def _own(survey: _Survey, roots: Sequence[Root]) -> _Survey:
    """Without what lies in a root of its own further down, and without strangers where single files were added."""
    inner = [root.path for root in roots if survey.root.path in root.path.parents]

    def mine(relative: str, item: FoundModel) -> bool:
        if not survey.root.whole and relative not in survey.known:
            return item.kind == "diffusers" and f"{relative}/model_index.json" in survey.known
        return not any(path == item.path or path in item.path.parents for path in inner)

    return replace(survey, found={relative: item for relative, item in survey.found.items() if mine(relative, item)})


def _inside_found_folder(relative: str, survey: _Survey) -> bool:
    """Whether a known place lies in a diffusers folder that is there: its files are looked at with the folder."""
    parts = relative.split("/")
    tops = ("/".join(parts[:n]) for n in range(1, len(parts)))
    return any(top in survey.found and survey.found[top].kind == "diffusers" for top in tops)


def _sort(survey: _Survey, gone: Mapping[int, KnownLocation]) -> _Sorted:
    """Decide for every found path whether it must be read; pure."""
    by_inode = {(place.inode, place.size, place.mtime_ns): place for place in gone.values() if place.inode}
    result = _Sorted()
    for relative, item in survey.found.items():
        place = survey.known.get(relative)
        if item.kind == "diffusers":
            result.folders.append(item)
        elif place is None:
            former = by_inode.pop((item.inode, item.size, item.mtime_ns), None)
            if former is None:
                result.unread.append(item)
            else:
                result.moved.append((item, former))
        elif (place.size, place.mtime_ns) != (item.size, item.mtime_ns) or place.inode not in (None, item.inode):
            result.unread.append(item)
        elif place.state is LocationState.PRESENT:
            result.unchanged.append(item)
        else:
            result.back.append(place)
    return result


def _take_in(
    survey: _Survey, gone: dict[int, KnownLocation], catalog: Catalog, progress: Progress, workers: int
) -> Iterator[PathResult]:
    """Bring the catalog up to what was found; places in `gone` that turn up elsewhere are taken out of it."""
    todo = _sort(survey, gone)
    for item in todo.unchanged:
        place = survey.known[item.path.relative_to(survey.root.path).as_posix()]
        yield PathResult(path=item.path, status=PathStatus.UNCHANGED, model_id=place.model_id)
    if todo.back:
        catalog.mark([place.id for place in todo.back], LocationState.PRESENT)
    for place in todo.back:
        yield PathResult(path=survey.root.path / place.relative, status=PathStatus.BACK, model_id=place.model_id)
    for item, place in todo.moved:
        gone.pop(place.id, None)
        yield _moved(item.path, place, survey.root, catalog)
    by_content = {place.sha256: place for place in gone.values()}
    with progress.task("reading", total=sum(item.size for item in todo.unread)) as task:
        answers = identify_files([item.path for item in todo.unread], workers=workers, task=task)
        for group in _groups(answers):
            with catalog.batch():
                outcomes = [_taken(answer, survey, gone, by_content, catalog) for answer in group]
            yield from outcomes
    for item in todo.folders:
        yield record_folder(item.path, survey.root, survey.known, catalog=catalog, progress=progress, workers=workers)


def _groups(answers: Iterable[IdentifiedFile | UnreadableFile]) -> Iterator[list[IdentifiedFile | UnreadableFile]]:
    """Answers as they come, a second's worth at a time: one transaction each, and little lost when killed."""
    group: list[IdentifiedFile | UnreadableFile] = []
    last = time.monotonic()
    for answer in answers:
        group.append(answer)
        if len(group) >= _MOST_AT_ONCE or time.monotonic() - last > _SECONDS_AT_ONCE:
            yield group
            group, last = [], time.monotonic()
    if group:
        yield group


def _taken(
    answer: IdentifiedFile | UnreadableFile,
    survey: _Survey,
    gone: dict[int, KnownLocation],
    by_content: dict[str, KnownLocation],
    catalog: Catalog,
) -> PathResult:
    if isinstance(answer, UnreadableFile):
        return PathResult(path=answer.path, status=PathStatus.FAILED, message=answer.error.message)
    hashes = answer.look.hashes
    former = by_content.pop(hashes.sha256, None) if hashes else None
    if former is not None and gone.pop(former.id, None) is not None:
        return _moved(answer.path, former, survey.root, catalog)
    return _record(answer, survey, catalog)


def _moved(path: Path, place: KnownLocation, root: Root, catalog: Catalog) -> PathResult:
    status = path.stat()
    relative = path.relative_to(root.path).as_posix()
    catalog.move_location(place.id, root, relative)
    catalog.touch_location(place.id, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
    return PathResult(path=path, status=PathStatus.MOVED, model_id=place.model_id, message=f"was {place.relative}")


def _record(answer: IdentifiedFile, survey: _Survey, catalog: Catalog) -> PathResult:
    if answer.look.format is Format.UNKNOWN and not is_model_name(answer.path.name):
        text = f"it is no model file, so it was not catalogued: {answer.look.problems[0]}"
        return PathResult(path=answer.path, status=PathStatus.FAILED, message=text)
    relative = answer.path.relative_to(survey.root.path).as_posix()
    place = survey.known.get(relative)
    file = new_file(answer)
    sha256 = file.inspection.hashes.sha256 if file.inspection.hashes else ""
    if place is not None and place.sha256 == sha256:
        location = file.location
        catalog.touch_location(place.id, size=location.size, mtime_ns=location.mtime_ns, inode=location.inode)
        return PathResult(path=answer.path, status=PathStatus.UNCHANGED, model_id=place.model_id, look=answer.look)
    if place is not None:
        record = catalog.replace_content(place.id, file, rules_version=rules_version())
        text = "its content is another than before"
        return PathResult(
            path=answer.path, status=PathStatus.UPDATED, model_id=record.id, look=answer.look, message=text
        )
    held = catalog.file_by_sha256(sha256)
    record = catalog.record(
        NewModel(
            name=answer.path.stem,
            files=(file,),
            sources=(Source(kind="local", reference=str(answer.path)),),
            rules_version=rules_version(),
        )
    )
    return PathResult(path=answer.path, status=_status(answer, held is not None), model_id=record.id, look=answer.look)


def _status(answer: IdentifiedFile, held: bool) -> PathStatus:
    if answer.look.safety.verdict is Verdict.DANGEROUS:
        return PathStatus.DANGEROUS
    return PathStatus.COPY if held else PathStatus.ADDED


def new_file(answer: IdentifiedFile, *, role: str = "weights") -> NewFile:
    """What the catalog records of a file that was read."""
    found = answer.found
    return NewFile(
        inspection=answer.look,
        location=NewLocation(path=answer.path, size=found.size, mtime_ns=found.mtime_ns, inode=found.inode or None),
        role=role,
        fingerprints=answer.digests,
    )
