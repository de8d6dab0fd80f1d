"""The document of `inspect --json`: what one file is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from modelhub.documents.document import Document, to_text
from modelhub.domain import (
    Detection,
    Evidence,
    Format,
    Hashes,
    Inspection,
    ModelType,
    SafetyReport,
    StyleAnswer,
    TriggerWord,
    Variant,
)


class HashesDocument(Document, frozen=True, kw_only=True):
    """All hashes of a file; None where unknown, or not defined for its format."""

    sha256: str | None = None
    autov1: str | None = None
    autov2: str | None = None
    autov3: str | None = None
    blake3: str | None = None
    crc32: str | None = None


class AnswersDocument(Document, frozen=True, kw_only=True):
    """The answers about a file or a model: the keys that `inspect`, `list` and `show` have in common.

    `size` is in bytes; `path` is None for a model that is in no known place. The keys from `type` to `evidence` are the
    fields of `domain.Detection`.
    """

    path: str | None
    size: int
    format: Format
    type: ModelType
    architecture: str | None
    architecture_candidates: tuple[str, ...]
    subtype: str | None
    algorithm: str | None
    rank: int | None
    variant: Variant | None
    precision: str | None
    prediction: str | None
    components: tuple[str, ...]
    has_ema: bool
    vectors: int | None
    trigger_words: tuple[TriggerWord, ...]
    style: StyleAnswer
    problems: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    safety: SafetyReport
    hashes: HashesDocument


class InspectionDocument(AnswersDocument, frozen=True, kw_only=True):
    """One file or diffusers folder. `broken`: it cannot be loaded as it is; `problems` state why.

    `members` are the models in an archive.
    """

    broken: bool
    members: tuple[InspectionDocument, ...] = ()


_ANSWERS = tuple(field.name for field in fields(Detection) if field.name != "problems")
_HASHES = HashesDocument.__struct_fields__


def answers_of(detection: Detection) -> dict[str, Any]:
    """Return the fields of a detection by name, without its problems: a document states those of the whole file."""
    return {name: getattr(detection, name) for name in _ANSWERS}


def hashes_document(hashes: Hashes | None) -> HashesDocument:
    """Return all hashes by name, each None when `hashes` is None."""
    return HashesDocument(**{name: getattr(hashes, name) for name in _HASHES}) if hashes else HashesDocument()


def inspection_document(inspection: Inspection) -> InspectionDocument:
    """Return the document of one inspected file."""
    return InspectionDocument(
        path=str(inspection.path),
        size=inspection.size,
        format=inspection.format,
        **answers_of(inspection.detection),
        safety=inspection.safety,
        hashes=hashes_document(inspection.hashes),
        problems=inspection.problems,
        broken=inspection.broken,
        members=tuple(inspection_document(member) for member in inspection.members),
    )


def inspection_text(inspection: Inspection) -> str:
    """Return the document of one inspected file as JSON text."""
    return to_text(inspection_document(inspection))
