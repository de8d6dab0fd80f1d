"""Identify model files with one read each: all hashes and component digests, and what the header shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from modelhub.detect.weights.fingerprints import FingerprintSink, component_digests
from modelhub.domain import Inspection
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.header import Header
from modelhub.formats.tensors import TensorSpan, tensor_spans
from modelhub.operations.library.inspect import (
    collect_hints,
    inspect_header,
    is_unlike_model,
    reason_to_pass,
    reason_to_pass_archive,
)
from modelhub.operations.library.path_results import PassedOverError
from modelhub.progress import Task
from modelhub.storage.hashing import FullHashes, Sink, hash_files


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedFile:
    """A file that was read whole. `found` has its size, time and inode at that time; `inspection` has the hashes."""

    path: Path
    inspection: Inspection
    found: FullHashes
    digests: list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    """A file that could not be read or placed, and why."""

    path: Path
    error: ModelhubError


class Placing(Protocol):
    """A step that puts files in another place: it takes part in the read of each file, then finishes its work."""

    def sinks_for(self, inspection: Inspection) -> Sequence[Sink]:
        """Return sinks for the bytes of a file, called before it is read and from any thread.

        Raise ModelhubError when the file is to be left where it is: it is not read then.
        """

    def place(self, file: IdentifiedFile) -> IdentifiedFile:
        """Put a file that was read in its place, and return it as it is there. Raise ModelhubError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """A file whose read has started."""

    header: Header
    fingerprint: FingerprintSink | None


def identify_files(
    paths: Sequence[Path],
    *,
    workers: int = 0,
    task: Task | None = None,
    placing: Placing | None = None,
    unnamed: Collection[Path] = (),
) -> Iterator[IdentifiedFile | FailedFile]:
    """Yield the answer for every path, in the order in which they are done; one that fails does not stop the others.

    `workers`: how many files are read at once; 0 decides by the drive and the number of cores. `unnamed`: files that
    are not named as models; one of them that is not identified as a model fails with PassedOverError, and only its
    header is read.
    """
    started: dict[Path, _Started] = {}

    def sinks_for(path: Path) -> Sequence[Sink]:
        if path in unnamed and (reason := reason_to_pass_archive(path)):
            raise PassedOverError(reason)
        header = read_header(path)
        if path in unnamed:
            _ensure_model(_inspection(path, header))
        places = _spans(path)
        fingerprint = FingerprintSink(places) if places else None
        started[path] = _Started(header=header, fingerprint=fingerprint)
        own = (fingerprint,) if fingerprint else ()
        return (*own, *placing.sinks_for(_inspection(path, header))) if placing else own

    for result in hash_files(paths, workers=workers or None, progress_task=task, sinks_for=sinks_for):
        about = started.pop(result.path, None)
        try:
            if result.error is not None or result.found is None or about is None:
                raise result.error or ModelhubError(f"{result.path} could not be read.")
            file = IdentifiedFile(
                path=result.path,
                inspection=_inspection(result.path, about.header, found=result.found),
                found=result.found,
                digests=store_digests((about.fingerprint,)) if about.fingerprint else None,
            )
            yield placing.place(file) if placing else file
        except ModelhubError as exc:
            yield FailedFile(path=result.path, error=exc)


def _ensure_model(inspection: Inspection) -> None:
    if is_unlike_model(inspection):
        raise PassedOverError(reason_to_pass(inspection))


def _inspection(path: Path, header: Header, *, found: FullHashes | None = None) -> Inspection:
    hints = collect_hints(path)
    if found is None:
        return inspect_header(path, header, hints=hints)
    hints = replace(hints, sha256=found.hashes.sha256)
    return replace(inspect_header(path, header, hints=hints), hashes=found.hashes)


def _spans(path: Path) -> tuple[TensorSpan, ...]:
    """Return where the tensors are; nothing for a file without tensors or a broken one, whose hashes matter too."""
    try:
        return tensor_spans(path)
    except ModelhubError:
        return ()


def store_digests(sinks: Iterable[FingerprintSink]) -> list[dict[str, Any]] | None:
    """Return the component digests of a model's files as the catalog keeps them; None when there are none."""
    return [asdict(digest) for digest in component_digests(*sinks)] or None
