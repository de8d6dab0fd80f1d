"""Verify: prove, file by file, that what lies on disk is what the catalog recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelhub.detect.health import HealthSink
from modelhub.domain import FileRecord, Location, LocationState, ModelRecord
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.tensors import spans
from modelhub.progress import SILENT, Progress
from modelhub.storage.hashing import hash_file


class Health(StrEnum):
    """What verify found about one file."""

    OK = "ok"
    DAMAGED = "damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    PROBLEMS = "problems"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One place of one file. `problems` are sentences; empty when `health` is ok."""

    model: ModelRecord
    path: Path
    health: Health
    problems: tuple[str, ...] = ()


def verify(records: Sequence[ModelRecord], *, deep: bool = False, progress: Progress = SILENT) -> Iterator[Verified]:
    """Read every file of the models at every place, and compare hash, structure and, with `deep`, every number."""
    places = [(record, file, place) for record in records for file in record.files for place in file.locations]
    with progress.task("verifying", total=sum(place.size for _, _, place in places)) as task:
        for record, file, place in places:
            task.describe(place.path.name)
            if not place.path.is_file():
                yield _missing(record, place)
                continue
            try:
                sink = _health_sink(place.path) if deep else None
                hashes = hash_file(place.path, progress_task=task, sinks=(sink,) if sink else ())
            except ModelhubError as exc:
                yield Verified(model=record, path=place.path, health=Health.UNREADABLE, problems=(exc.message,))
                continue
            yield _judged(record, file, place, hashes.sha256, sink)


def _missing(record: ModelRecord, place: Location) -> Verified:
    text = "its folder is out of reach" if place.state is LocationState.UNAVAILABLE else "it is not there any more"
    problem = f"{text}; run `modelhub scan` if it was moved"
    return Verified(model=record, path=place.path, health=Health.MISSING, problems=(problem,))


def _health_sink(path: Path) -> HealthSink | None:
    try:
        found = spans(path)
    except ModelhubError:
        return None
    return HealthSink(found) if found else None


def _judged(record: ModelRecord, file: FileRecord, place: Location, sha256: str, sink: HealthSink | None) -> Verified:
    if sha256 != file.sha256:
        size = place.path.stat().st_size
        how = f"{size} bytes instead of {file.size}" if size != file.size else "same size, other bytes"
        text = f"its SHA-256 is {sha256[:10]}…, recorded was {file.sha256[:10]}… ({how})"
        remedy = "pull it again, or `modelhub scan` if you replaced it on purpose"
        return Verified(model=record, path=place.path, health=Health.DAMAGED, problems=(f"{text}; {remedy}",))
    problems = [problem.text for problem in read_header(place.path).problems] if file.detection.type != "other" else []
    if sink is not None:
        problems += sink.report().problems
    health = Health.PROBLEMS if problems else Health.OK
    return Verified(model=record, path=place.path, health=health, problems=tuple(problems))
