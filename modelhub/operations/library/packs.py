"""Unpack archives of models into the library, under the checks that every file gets.

All models of an archive are written into a hidden folder of the library first; none gets its place before all are
complete, and the folder is removed whatever happens. What a killed process left there is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.domain import HARMLESS, Inspection, LocationState, Source, Verdict
from modelhub.errors import ModelhubError, UnsafeError
from modelhub.formats import read_header
from modelhub.formats.archive import Member
from modelhub.formats.companions import companion_kind
from modelhub.formats.packs import DamagedMemberError, Pack, read_member, read_pack
from modelhub.operations.library.identify import IdentifiedFile
from modelhub.operations.library.inspect import collect_hints, inspect_header, member_path
from modelhub.operations.library.library_import import LibraryImport
from modelhub.operations.library.path_results import PathResult, PathStatus, failed_result
from modelhub.operations.library.record import read_and_record, record_new
from modelhub.progress import Progress, Task
from modelhub.storage.containment import ensure_inside, make_folder
from modelhub.storage.errors import from_os_error
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.locks import file_lock
from modelhub.storage.model_names import model_stem
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecar_names import SIDECAR_SUFFIXES
from modelhub.storage.trash import move_to_trash
from modelhub.storage.walk import FoundModel

_RESERVE = 64 << 20  # bytes left free beside the unpacked models
_LARGEST_SIDECAR = 32 << 20  # bytes
_FREE_SPACE = "Free some space, or choose another library."


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedFile:
    """A model that was written out of an archive. `member`: its name there."""

    path: Path
    member: str


def pack_at(path: Path) -> Pack | None:
    """Return the models of an archive at this path, None for any other file. Raise ModelhubError if unreadable."""
    try:
        pack = read_pack(path) if path.is_file() else None
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    return None if pack is None or pack.is_empty else pack


@contextmanager
def unpacked(pack: Pack, *, library: Path, progress: Progress) -> Iterator[tuple[UnpackedFile, ...]]:
    """Write the models of an archive into a folder that exists as long as the block runs.

    Raise DiskFullError before anything is written, and ModelhubError for a damaged archive.
    """
    top = library / ".modelhub" / "unpacked"
    ensure_inside(library, top / "entry")
    with file_lock(library / ".modelhub" / "unpacked.lock", wait=None):
        _clear(top)  # what a killed process left: the lock says that no other one is at work
        ensure_free_space(library, pack.size + _RESERVE, remedy=_FREE_SPACE)
        make_folder(top)
        try:
            with progress.task(f"unpacking {pack.path.name}", total=pack.size) as task:
                files = tuple(_write_all(pack, top, task))
            yield files
        finally:
            _clear(top)


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _write_all(pack: Pack, folder: Path, task: Task) -> Iterator[UnpackedFile]:
    taken: set[str] = set()
    for member in pack.models:
        name = _free_name(member.name, taken)
        _write(pack, member, folder / name, task)
        for sidecar, suffix in _sidecars(pack, member):
            _write_sidecar(pack, sidecar, folder / f"{model_stem(name)}{suffix}", task)
        yield UnpackedFile(path=folder / name, member=member.name)


def _free_name(name: str, taken: set[str]) -> str:
    """Return a safe name that no earlier model has: with its folder's name in front, or a number behind its stem."""
    parts = [part for part in name.replace("\\", "/").split("/") if part] or [name]
    base = safe_name(parts[-1])
    choices = [base, *([safe_name(f"{parts[-2]}-{base}")] if len(parts) > 1 else [])]
    stem = model_stem(base)
    choices += [safe_name(f"{stem} ({number}){base[len(stem) :]}") for number in range(2, len(taken) + 3)]
    free = next(choice for choice in choices if model_stem(choice).casefold() not in taken)
    taken.add(model_stem(free).casefold())
    return free


def _sidecars(pack: Pack, member: Member) -> Iterator[tuple[Member, str]]:
    """Yield the members that are sidecars of a model by their names, each with the suffix that it has there."""
    folder, _, base = member.name.rpartition("/")
    stem = f"{folder}/{model_stem(base)}" if folder else model_stem(base)
    for other in pack.others:
        suffix = other.name[len(stem) :].lower()
        if other.name.startswith(stem) and suffix in SIDECAR_SUFFIXES and other.size <= _LARGEST_SIDECAR:
            yield other, suffix


def _write(pack: Pack, member: Member, target: Path, task: Task) -> None:
    try:
        with target.open("xb") as out:
            for piece in read_member(pack.path, member):
                out.write(piece)
                task.advance(len(piece))
            out.flush()
            os.fsync(out.fileno())
    except DamagedMemberError as exc:
        raise ModelhubError(
            f"{member.name} in {pack.path.name} is damaged: its checksum differs.", "Download the archive again."
        ) from exc
    except OSError as exc:
        raise from_os_error(exc, target, "write") from exc


def _write_sidecar(pack: Pack, member: Member, target: Path, task: Task) -> None:
    """Write a text or picture beside its model; one that is not plainly that is left in the archive."""
    if target.exists() or member.encrypted or member.link:
        return
    with suppress(ModelhubError):
        _write(pack, member, target, task)
    with suppress(OSError):
        if target.exists() and companion_kind(target) is None:
            target.unlink()


def add_packs(
    packs: Sequence[Pack], *, library: Path, remove: bool, catalog: Catalog, progress: Progress, workers: int
) -> Iterator[PathResult]:
    """Unpack archives into the library's folders, and yield a result for each model, then one for each archive.

    `remove`: move an archive to the trash once all its models are in the library.
    """
    catalog.ensure_root(library, "library")
    for pack in packs:
        results: list[PathResult] = []
        try:
            with unpacked(pack, library=library, progress=progress) as files:
                for result in _add_files(pack, files, library, catalog, progress, workers):
                    results.append(result)
                    yield result
        except ModelhubError as exc:
            yield failed_result(pack.path, exc)
            continue
        refused = [
            failed_result(member_path(pack.path, name), ModelhubError(f"It was not unpacked. {reason}"))
            for name, reason in pack.refused
        ]
        yield from refused
        yield _archive_result(pack, [*results, *refused], remove=remove)


def _add_files(
    pack: Pack,
    files: Sequence[UnpackedFile],
    library: Path,
    catalog: Catalog,
    progress: Progress,
    workers: int,
) -> Iterator[PathResult]:
    wanted: list[FoundModel] = []
    for file in files:
        inspection = inspect_header(file.path, read_header(file.path), hints=collect_hints(file.path))
        if inspection.safety.verdict in HARMLESS:
            status = file.path.stat()
            wanted.append(FoundModel(file.path, status.st_size, status.st_mtime_ns, status.st_ino))
        else:
            yield failed_result(member_path(pack.path, file.member), _refusal(inspection))
    placing = _PackImport(library, catalog, {file.path: file.member for file in files})

    def record(file: IdentifiedFile) -> PathResult:
        result = record_new(file, catalog)
        if result.model_id is not None:
            source = Source(kind="local", reference=str(pack.path), path=placing.members[file.path])
            catalog.add_source(result.model_id, source)
        return replace(result, message=f"Unpacked from {pack.path.name}.")

    results = read_and_record(wanted, record, catalog=catalog, progress=progress, workers=workers, placing=placing)
    for result in results:
        member = placing.members.get(result.path)
        is_here = result.status not in (PathStatus.FAILED, PathStatus.DANGEROUS)
        yield result if is_here or member is None else replace(result, path=member_path(pack.path, member))


def _refusal(inspection: Inspection) -> ModelhubError:
    findings = " ".join(inspection.safety.findings[:3])
    if inspection.safety.verdict is Verdict.UNRECOGNISED:
        return ModelhubError(f"It was not unpacked. {findings}")
    return UnsafeError(f"It was not unpacked: it is {inspection.safety.verdict.value}. {findings}", "Do not load it.")


class _PackImport(LibraryImport):
    """A step that moves unpacked models into the library, except those that the library has already.

    `members`: the path of each model, first where it was unpacked, then also where it is placed → its name in the
    archive.
    """

    def __init__(self, library: Path, catalog: Catalog, members: dict[Path, str]) -> None:
        super().__init__(library, copy=False)
        self._catalog = catalog
        self.members = members

    def place(self, file: IdentifiedFile) -> IdentifiedFile:
        member = self.members[file.path]
        held = self._catalog.file_by_sha256(file.found.hashes.sha256)
        places = held.locations if held else ()
        here = next((p.path for p in places if p.state is LocationState.PRESENT and p.path.is_file()), None)
        if here is not None:
            self.forget(file.path)
        placed = self.at(here, file) if here is not None else super().place(file)
        self.members[placed.path] = member
        return placed


def _archive_result(pack: Pack, results: Sequence[PathResult], *, remove: bool) -> PathResult:
    """Return the result for the archive itself, after moving it to the trash if that is wanted and all went well."""
    failed = [result for result in results if result.status in (PathStatus.FAILED, PathStatus.DANGEROUS)]
    count = len(results) - len(failed)
    text = "1 model is in the library now." if count == 1 else f"{count} models are in the library now."
    if not count:
        text = "No model was unpacked."
    if not remove or failed:
        return PathResult(path=pack.path, status=PathStatus.UNPACKED, message=f"{text} The archive was kept.")
    try:
        move_to_trash([pack.path])
    except ModelhubError as exc:
        return PathResult(path=pack.path, status=PathStatus.UNPACKED, message=f"{text} {exc.message}")
    message = f"{text} The archive was moved to the trash."
    return PathResult(path=pack.path, status=PathStatus.UNPACKED, message=message)
