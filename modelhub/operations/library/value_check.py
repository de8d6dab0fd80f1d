"""The deep look: every number of a file, in the same one read as its hashes."""

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
    """Identify each, with hashes, and say what its values and parts are like: NaN, zeros, missing keys."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    with progress.task("looking at every number", total=total) as task:
        for path in paths:
            try:
                yield inspect_values(path, task=task)
            except ModelhubError as exc:
                yield unreadable(path, exc)


def inspect_values(path: Path, *, task: Task | None = None) -> Inspection:
    """One file. A diffusers folder is identified only; `verify --deep` looks at its files."""
    look = inspect(path)
    if not path.is_file():
        return look
    places = () if look.broken else tensor_spans(path)
    sink = HealthSink(places)
    found = hash_file_fully(path, progress_task=task, sinks=(sink,) if places else ())
    problems = look.problems
    if places:
        report = sink.report(
            architecture=look.detection.architecture,
            type=look.detection.type,
            metadata=read_header(path).metadata,
            data_part_sha256=found.data_part_sha256,
        )
        problems = tuple(dict.fromkeys((*problems, *report.problems)))
    return replace(look, hashes=found.hashes, problems=problems)
