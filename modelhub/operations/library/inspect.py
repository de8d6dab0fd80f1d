"""Identify files without the catalog: from the header to safety and detection, with hashes on request."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import TypeVar

from modelhub.detect import detect, parse_sidecar
from modelhub.detect.hints import Hints
from modelhub.domain import Detection, Format, Inspection, ModelType, SafetyReport, TriggerWord, Verdict
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.formats import is_other_content, read_header
from modelhub.formats.archive import Member
from modelhub.formats.foreign.signatures import names_packed_content
from modelhub.formats.header import Header
from modelhub.formats.packs import read_pack, write_excerpt
from modelhub.progress import SILENT, Progress
from modelhub.safety import assess
from modelhub.storage.safe_names import safe_name
from modelhub.storage.sidecar_names import sidecars_of

# With fewer files, starting another process (about 0.1 s) takes longer than it saves.
_FILES_FOR_MORE_PROCESSES = 400
_SIDECAR_TEXTS = (".json", ".info", ".txt")
_SIDECAR_LIMIT = 4 * 1024 * 1024
_MEMBERS_SHOWN = 100  # models of one archive that are looked into
_MEMBERS_LIMIT = 256 << 20  # bytes that are inflated to look into the models of one archive
_MEMBERS_SECONDS = 2.0  # of the processor's time, after which no further model is looked into
_NO_MODELS = "It is a zip archive without a model."
_UNCLEAR = (Verdict.UNRECOGNISED, Verdict.SUSPICIOUS)


def inspect(path: str | Path, *, hints: Hints | None = None, with_hashes: bool = False) -> Inspection:
    """Identify one file or diffusers folder; nothing in it is executed.

    A broken or dangerous file is an answer, not an error. `hints`: knowledge besides the bytes, by default from the
    names and sidecar files. `with_hashes`: also read the whole file for its hashes. Raise NotFoundError when `path`
    does not exist, and ModelhubError when it cannot be read.
    """
    path = Path(path)
    if not os.path.lexists(path):
        raise NotFoundError(f"{path} does not exist.", "Check the spelling; quote names with spaces.")
    inspection = inspect_header(path, read_header(path), hints=hints or collect_hints(path))
    if inspection.format is Format.UNKNOWN and path.is_file():
        inspection = _with_members(inspection)
    if with_hashes and path.is_file():
        from modelhub.storage.hashing import hash_file

        inspection = replace(inspection, hashes=hash_file(path))
    return inspection


def inspect_header(path: Path, header: Header, *, hints: Hints) -> Inspection:
    """Return what a header shows. The file itself is not read."""
    safety = assess(header)
    detection = detect(header, hints)
    if safety.verdict is Verdict.DANGEROUS:
        detection = replace(detection, trigger_words=())  # nobody should use a dangerous file
    problems = (*(p.text for p in header.problems), *detection.problems)
    return Inspection(
        path=path,
        size=header.size,
        format=header.format,
        detection=detection,
        safety=safety,
        problems=tuple(dict.fromkeys(problems)),
        broken=header.broken,
    )


def _with_members(archive: Inspection) -> Inspection:
    """Return the inspection of an archive with those of the models in it; others as they are."""
    try:
        pack = read_pack(archive.path)
        if pack is None or pack.is_empty:
            return archive
        with tempfile.TemporaryDirectory(prefix="modelhub-") as folder:
            left, members, start = _MEMBERS_LIMIT, [], process_time()
            for member in pack.models[:_MEMBERS_SHOWN]:
                if process_time() - start > _MEMBERS_SECONDS:
                    left = 0  # the others are only listed
                found, used = _inspect_member(pack.path, member, Path(folder), left)
                left -= used
                members.append(found)
    except OSError:
        return archive
    members += [_unread_member(pack.path, name, 0, reason) for name, reason in pack.refused[:_MEMBERS_SHOWN]]
    report = archive.safety
    if any(member.safety.verdict is Verdict.DANGEROUS for member in members) and report.verdict in _UNCLEAR:
        report = SafetyReport(Verdict.DANGEROUS, ("A model in it runs code when it is loaded.", *report.findings))
    text = pack_sentence(len(pack.models), len(pack.refused))
    return replace(archive, members=tuple(members), safety=report, problems=(text,), broken=False)


def pack_sentence(models: int, refused: int) -> str:
    """Return what an archive of models holds, and how to unpack it."""
    if not models:
        return "It is a zip archive whose models cannot be unpacked."
    found = ["It is a zip archive with 1 model." if models == 1 else f"It is a zip archive with {models} models."]
    if refused:
        found.append("Others are refused.")
    return " ".join((*found, "Add the archive itself to unpack it."))


def _inspect_member(archive: Path, member: Member, folder: Path, limit: int) -> tuple[Inspection, int]:
    """Return the inspection of a model in an archive, from an excerpt, and how many bytes that took."""
    name = Path(member.name.replace("\\", "/")).name
    excerpt = folder / safe_name(name)
    if not write_excerpt(archive, member, excerpt, limit=limit):
        reason = "It was not looked into: it is too large, or the archive holds too much."
        return _unread_member(archive, member.name, member.size, reason), 0
    used = excerpt.stat().st_blocks * 512 if hasattr(excerpt.stat(), "st_blocks") else excerpt.stat().st_size
    found = inspect_header(excerpt, read_header(excerpt), hints=Hints(names=(name,)))
    excerpt.unlink()
    return replace(found, path=member_path(archive, member.name)), used


def _unread_member(archive: Path, name: str, size: int, reason: str) -> Inspection:
    return Inspection(
        path=member_path(archive, name),
        size=size,
        format=Format.UNKNOWN,
        detection=Detection(),
        safety=SafetyReport(Verdict.UNRECOGNISED, (reason,)),
        problems=(reason,),
    )


def member_path(archive: Path, name: str) -> Path:
    """Return the path by which a member is shown: that of the archive with the member's name behind it."""
    return Path(f"{archive}/{name}")


def is_unlike_model(inspection: Inspection) -> bool:
    """Return whether a file that is not named as a model is not one by its content either; a dangerous one counts."""
    if inspection.safety.verdict is Verdict.DANGEROUS:
        return False
    return inspection.format is Format.UNKNOWN or (
        inspection.format is Format.PICKLE and inspection.detection.type is ModelType.UNKNOWN
    )


def is_not_model(inspection: Inspection) -> bool:
    """Return whether a file is certainly not a model, whatever its name: a web page, a picture, an archive, empty."""
    if inspection.format is not Format.UNKNOWN or inspection.safety.verdict is Verdict.DANGEROUS:
        return False
    return not inspection.members and any(map(is_other_content, inspection.problems[:1]))


def is_archive(inspection: Inspection) -> bool:
    """Return whether a file is an archive or a compressed file, which must be unpacked first."""
    return any(names_packed_content(text) for text in inspection.problems[:1])


def reason_to_pass(inspection: Inspection) -> str:
    """Return why such a file is passed over, in a sentence."""
    if inspection.format is Format.PICKLE:
        return "It is a pickle without a model that modelhub recognizes."
    return inspection.problems[0] if inspection.problems else "It is not a format that modelhub can read."


def reason_to_pass_archive(path: Path) -> str | None:
    """Return why a zip archive that is found in a folder is passed over; None for a torch file and any other file.

    Its members are not read for that, except for the first bytes of each.
    """
    try:
        pack = read_pack(path)
    except OSError:
        return None
    if pack is None:
        return None
    return pack_sentence(len(pack.models), len(pack.refused)) if not pack.is_empty else _NO_MODELS


def may_hold_model(path: Path) -> bool:
    """Return whether a file that is not named as a model may be one or hold some: not a zip archive without any."""
    return reason_to_pass_archive(path) != _NO_MODELS


def collect_hints(path: Path) -> Hints:
    """Return what a file's name and its sidecar files say about it."""
    tags: list[str] = []
    triggers: list[TriggerWord] = []
    base_model = None
    for sidecar in sidecars_of(path):
        if sidecar.suffix.lower() not in _SIDECAR_TEXTS:
            continue
        try:
            if sidecar.stat().st_size > _SIDECAR_LIMIT:
                continue
            facts = parse_sidecar(sidecar.name, sidecar.read_bytes())
        except OSError:
            continue  # a sidecar that cannot be read is no reason to fail
        triggers += facts.trigger_words
        tags += facts.tags
        base_model = base_model or facts.base_model
    return Hints(names=(path.name,), tags=tuple(tags), trigger_words=tuple(triggers), base_model=base_model)


_T = TypeVar("_T")


def _unchanged(inspection: Inspection) -> Inspection:
    return inspection


def inspect_many(
    paths: Sequence[Path], *, with_hashes: bool = False, progress: Progress = SILENT, workers: int = 0
) -> Iterator[Inspection]:
    """Return an iterator over the inspections of many paths, in order, made in several processes when that is faster.

    A file that cannot be read gives an inspection with that problem. `workers`: processes, 0 for one on each core.
    """
    return inspect_each(paths, _unchanged, with_hashes=with_hashes, progress=progress, workers=workers)


def inspect_each(
    paths: Sequence[Path],
    then: Callable[[Inspection], _T],
    *,
    with_hashes: bool = False,
    progress: Progress = SILENT,
    workers: int = 0,
) -> Iterator[_T]:
    """Do what `inspect_many` does, and yield `then(inspection)`, computed in the process that inspected the file.

    `then` must be a function of a module. Passing a text between processes takes a tenth of the time of an Inspection.
    """
    workers = workers or os.cpu_count() or 1
    with progress.task("identifying", total=len(paths), unit="files") as task:
        for answer in _answers(paths, partial(_one, with_hashes=with_hashes, then=then), workers):
            task.advance(1)
            yield answer


def _answers(paths: Sequence[Path], one: Callable[[Path], _T], workers: int) -> Iterator[_T]:
    if len(paths) < _FILES_FOR_MORE_PROCESSES or workers == 1:
        yield from map(one, paths)
        return
    with ProcessPoolExecutor(workers, initializer=gc.disable) as pool:  # headers have no reference cycles
        yield from pool.map(one, paths, chunksize=max(8, min(64, len(paths) // (8 * workers))))


def _one(path: Path, *, with_hashes: bool, then: Callable[[Inspection], _T]) -> _T:
    try:
        return then(inspect(path, with_hashes=with_hashes))
    except ModelhubError as exc:
        return then(unreadable(path, exc))


def unreadable(path: Path, error: ModelhubError) -> Inspection:
    """Return the inspection of a file that could not be read, with the reason as its problem."""
    return Inspection(
        path=path,
        size=0,
        format=Format.UNKNOWN,
        detection=Detection(),
        safety=SafetyReport(Verdict.UNRECOGNISED, (error.message,)),
        problems=(error.message,),
        broken=True,
    )
