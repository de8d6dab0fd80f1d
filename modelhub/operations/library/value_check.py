"""Check every value of a file, in the same read as its hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from modelhub.detect.weights.health import HealthSink
from modelhub.domain import Inspection
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.tensors import tensor_spans
from modelhub.operations.library.inspect import inspect, unreadable
from modelhub.progress import SILENT, Progress, Task
from modelhub.storage.hashing import hash_file_fully


def inspect_values_of_many(paths: Sequence[Path], *, progress: Progress = SILENT) -> Iterator[Inspection]:
    """Yield the inspection of each path with hashes and the problems of its values, such as NaN and missing keys."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    with progress.task("checking values", total=total) as task:
        for path in paths:
            try:
                yield inspect_values(path, task=task)
            except ModelhubError as exc:
                yield unreadable(path, exc)


def inspect_values(path: Path, *, task: Task | None = None) -> Inspection:
    """Return the inspection of one file with the problems of its values. A diffusers folder is only identified."""
    inspection = inspect(path)
    if not path.is_file():
        return inspection
    places = () if inspection.broken else tensor_spans(path)
    sink = HealthSink(places)
    found = hash_file_fully(path, progress_task=task, sinks=(sink,) if places else ())
    problems = inspection.problems
    if places:
        report = sink.report(
            architecture=inspection.detection.architecture,
            type=inspection.detection.type,
            metadata=read_header(path).metadata,
            data_part_sha256=found.data_part_sha256,
        )
        problems = tuple(dict.fromkeys((*problems, *report.problems)))
    return replace(inspection, hashes=found.hashes, problems=problems)
