"""Verify that each file is still what the catalog recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from modelhub.detect.weights.health import HealthSink
from modelhub.domain import HARMLESS, FileRecord, Format, Location, LocationState, ModelRecord, SafetyReport, Verdict
from modelhub.errors import ModelhubError, Remedy
from modelhub.formats import read_header
from modelhub.formats.diffusers import INDEX
from modelhub.formats.tensors import tensor_spans
from modelhub.progress import SILENT, Progress
from modelhub.safety import assess
from modelhub.storage.hashing import FullHashes, hash_file_fully
from modelhub.storage.model_names import is_model_name


class Health(StrEnum):
    """The result of verifying one file."""

    OK = "ok"
    DAMAGED = "damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    BROKEN = "broken"
    NOTED = "noted"
    DANGEROUS = "dangerous"


_INSPECT = Remedy("Inspect it before you load it.", "show-findings")
_FINDINGS = 3  # of a file that is not harmless; `show-findings` leads to all of them
# The results of intact files that may be used; a noted one has something worth knowing.
SOUND = (Health.OK, Health.NOTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """A file in one place. `problems` and `remedy` are empty when `health` is ok."""

    model: ModelRecord
    path: Path
    health: Health
    problems: tuple[str, ...] = ()
    remedy: Remedy = field(default_factory=Remedy)


def verify(
    records: Sequence[ModelRecord], *, deep: bool = False, progress: Progress = SILENT
) -> Iterator[VerifiedFile]:
    """Read every file of the models in every place; yield whether hash and structure are as recorded.

    `deep`: also check every value for NaN, infinity and all-zero tensors.
    """
    places = _places(records)
    with progress.task("verifying", total=sum(place.size for _, _, place in places)) as task:
        for record, file, place in places:
            task.describe(place.path.name)
            if not place.path.is_file():
                yield _missing(record, place)
                continue
            try:
                sink = _health_sink(place.path) if deep else None
                found = hash_file_fully(place.path, progress_task=task, sinks=(sink,) if sink else ())
            except ModelhubError as exc:
                yield VerifiedFile(model=record, path=place.path, health=Health.UNREADABLE, problems=(exc.message,))
                continue
            yield _judged(record, file, place, found, sink)


def _places(records: Sequence[ModelRecord]) -> list[tuple[ModelRecord, FileRecord, Location]]:
    """Return each place once: folders that hold equal files share their records, and so list each other's places."""
    places: dict[Path, tuple[ModelRecord, FileRecord, Location]] = {}
    for record in records:
        folder = record.path
        for file in record.files:
            for place in file.locations:
                if place.path not in places or (folder is not None and place.path.is_relative_to(folder)):
                    places[place.path] = (record, file, place)
    return list(places.values())


def _missing(record: ModelRecord, place: Location) -> VerifiedFile:
    out_of_reach = place.state is LocationState.UNAVAILABLE
    problem = "Its folder is out of reach." if out_of_reach else "It is not there any more."
    return VerifiedFile(
        model=record,
        path=place.path,
        health=Health.MISSING,
        problems=(problem,),
        remedy=Remedy("If it was moved, scan the folders.", "scan-moved"),
    )


def _health_sink(path: Path) -> HealthSink | None:
    try:
        found = tensor_spans(path)
    except ModelhubError:
        return None
    return HealthSink(found) if found else None


def _unsafe(record: ModelRecord, path: Path, safety: SafetyReport, *, is_index: bool = False) -> VerifiedFile:
    """Return the result for an unchanged file that could hold code: what was found, and what to do.

    `is_index`: the file is a folder's index, and the verdict that of its folder.
    """
    health, remedy = Health.NOTED, _INSPECT
    if safety.verdict is Verdict.DANGEROUS:
        health = Health.DANGEROUS
        remedy = Remedy("Do not load it; delete it.", "delete-dangerous", {"model": record.name})
    verdict = f"Its safety verdict is `{safety.verdict.value}`."
    if is_index:
        verdict = f"The safety verdict of its folder is `{safety.verdict.value}`."
    problems = (verdict, *safety.findings[:_FINDINGS])
    return VerifiedFile(model=record, path=path, health=health, problems=problems, remedy=remedy)


def _judged_companion(record: ModelRecord, place: Location) -> VerifiedFile:
    """Return the result for an unchanged file that is not weights; the index of a folder has the folder's verdict."""
    if place.path.name != INDEX or record.safety.verdict in HARMLESS:
        return VerifiedFile(model=record, path=place.path, health=Health.OK)
    return _unsafe(record, place.path, record.safety, is_index=True)


def _judged(
    record: ModelRecord, file: FileRecord, place: Location, found: FullHashes, sink: HealthSink | None
) -> VerifiedFile:
    sha256 = found.hashes.sha256
    if sha256 != file.sha256:
        have, recorded = sha256[:10], file.sha256[:10]
        problem = f"Its SHA-256 is {have}…, recorded is {recorded}… (same size, different bytes)."
        if found.size != file.size:
            problem = f"Its SHA-256 is {have}…, recorded is {recorded}… ({found.size} bytes instead of {file.size})."
        return VerifiedFile(
            model=record,
            path=place.path,
            health=Health.DAMAGED,
            problems=(problem,),
            remedy=Remedy("Pull it again, or scan the folders if you replaced it.", "pull-or-scan"),
        )
    if file.format is Format.UNKNOWN and not is_model_name(place.path.name):
        return _judged_companion(record, place)
    header = read_header(place.path)
    problems = [problem.text for problem in header.problems]
    if sink is not None:
        report = sink.report(
            architecture=file.detection.architecture,
            type=file.detection.type,
            metadata=header.metadata,
            data_part_sha256=found.data_part_sha256,
        )
        problems += report.problems
    safety = assess(header)
    is_cut = header.broken and safety.verdict is Verdict.UNRECOGNISED  # damaged, not unsafe
    result = VerifiedFile(model=record, path=place.path, health=Health.NOTED if problems else Health.OK)
    if safety.verdict not in HARMLESS and not is_cut:
        result = _unsafe(record, place.path, safety)
    if header.broken and result.health is not Health.DANGEROUS:
        result = replace(result, health=Health.BROKEN, remedy=_INSPECT)
    return replace(result, problems=tuple(dict.fromkeys((*problems, *result.problems))))
