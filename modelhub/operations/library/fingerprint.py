"""Compute the component digests of one file, without the catalog."""

from __future__ import annotations

from pathlib import Path

from modelhub.detect.weights.fingerprints import ComponentDigest, FingerprintSink, component_digests
from modelhub.errors import ModelhubError, NotFoundError, Remedy
from modelhub.formats.tensors import tensor_spans
from modelhub.progress import Task
from modelhub.storage.hashing import hash_file


def fingerprint_file(path: Path, *, task: Task | None = None) -> tuple[ComponentDigest, ...]:
    """Return the digests of every network in the file, from one read.

    Raise NotFoundError when there is no file, and ModelhubError when it has no tensors.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file at {path}.", "Check the spelling; quote names with spaces.")
    places = tensor_spans(path)
    if not places:
        raise ModelhubError(f"{path} has no tensors that could be compared.", Remedy("Inspect the file.", "inspect"))
    sink = FingerprintSink(places)
    hash_file(path, progress_task=task, sinks=(sink,))
    return component_digests(sink)
