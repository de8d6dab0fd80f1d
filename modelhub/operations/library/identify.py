"""Identify files with one read each: all hashes and component digests from one read, then the header's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modelhub.detect.weights.fingerprints import FingerprintSink, component_digests
from modelhub.domain import Hints, Inspection
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.tensors import TensorSpan, tensor_spans
from modelhub.operations.library.inspect import collect_hints, inspect_header
from modelhub.progress import Task
from modelhub.storage.hashing import FullHashes, Sink, hash_files


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedFile:
    """One file read whole. `look` has the hashes; `found` what the file was like when they were computed."""

    path: Path
    look: Inspection
    found: FullHashes
    digests: list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile:
    """A file that could not be read, and why."""

    path: Path
    error: ModelhubError


def identify_files(
    paths: Sequence[Path],
    *,
    workers: int = 0,
    task: Task | None = None,
    hints_for: Callable[[Path], Hints] = collect_hints,
    fingerprints: bool = True,
) -> Iterator[IdentifiedFile | UnreadableFile]:
    """Every path's answer, in the order in which they are done; one that fails does not stop the others."""
    sinks: dict[Path, FingerprintSink] = {}

    def sinks_for(path: Path) -> Sequence[Sink]:
        places = _spans(path) if fingerprints else ()
        if not places:
            return ()
        sinks[path] = FingerprintSink(places)
        return (sinks[path],)

    for result in hash_files(paths, workers=workers or None, progress_task=task, sinks_for=sinks_for):
        sink = sinks.pop(result.path, None)
        try:
            if result.error is not None or result.found is None:
                raise result.error or ModelhubError(f"{result.path} could not be read.")
            yield IdentifiedFile(
                path=result.path,
                look=_look(result.path, result.found, hints_for(result.path)),
                found=result.found,
                digests=store_digests((sink,)) if sink else None,
            )
        except ModelhubError as exc:
            yield UnreadableFile(path=result.path, error=exc)


def _look(path: Path, found: FullHashes, hints: Hints) -> Inspection:
    hints = replace(hints, sha256=found.hashes.sha256)
    return replace(inspect_header(path, read_header(path), hints=hints), hashes=found.hashes)


def _spans(path: Path) -> tuple[TensorSpan, ...]:
    """Where the tensors lie; none for a file that has none or is broken: its hashes matter all the same."""
    try:
        return tensor_spans(path)
    except ModelhubError:
        return ()


def store_digests(sinks: Iterable[FingerprintSink]) -> list[dict[str, Any]] | None:
    """The component digests of a model's files as the catalog keeps them; None when there are none."""
    return [asdict(digest) for digest in component_digests(*sinks)] or None
