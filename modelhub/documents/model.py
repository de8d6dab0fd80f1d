"""The documents of `list`, `search` and `show`: models of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelhub.documents.document import Document
from modelhub.documents.inspection import AnswersDocument, HashesDocument, answers_of, hashes_document
from modelhub.documents.render import RenderTestDocument
from modelhub.domain import FileRecord, Format, LocationState, ModelRecord, SafetyReport, Source


class LocationDocument(Document, frozen=True, kw_only=True):
    """One place of a file. `root` is the name of a known folder, `relative` the path inside it."""

    path: str
    root: str
    relative: str
    state: LocationState


class FileDocument(Document, frozen=True, kw_only=True):
    """One file of a model. `role` is "weights", or its path inside a diffusers folder; `size` is in bytes."""

    role: str
    size: int
    format: Format
    hashes: HashesDocument
    safety: SafetyReport
    problems: tuple[str, ...]
    locations: tuple[LocationDocument, ...]


class ModelDocument(AnswersDocument, frozen=True, kw_only=True):
    """A model of the catalog: the keys of `inspect --json`, and what only the catalog knows.

    The answers include the user's own words; `overrides` has these by field name. `hashes` are those of the file of a
    model that has only one. `added_at` is ISO 8601 in UTC.
    """

    id: int
    name: str
    state: LocationState
    tags: tuple[str, ...]
    notes: str
    overrides: Mapping[str, str]
    sources: tuple[Source, ...]
    files: tuple[FileDocument, ...]
    added_at: str


class SharedComponentDocument(Document, frozen=True, kw_only=True):
    """A component that another model holds too. `level`: the strictest digest that is equal."""

    component: str
    model_id: int
    name: str
    level: str


class AdviceDocument(Document, frozen=True, kw_only=True):
    """A line of advice about a model. `about`: words, prompt, loading, base, vae, fitting, variant, place or warning.

    `text` is a sentence; with `ui` it is what to paste into that UI's prompt, or the folder to place the model in.
    """

    about: str
    ui: str | None
    text: str


class ShownModelDocument(ModelDocument, frozen=True, kw_only=True):
    """A model as `show --json` prints it. `render_test` is the document of its last render test, None without one."""

    same_as: Sequence[SharedComponentDocument]
    render_test: RenderTestDocument | None
    how_to_use: Sequence[AdviceDocument]


class DuplicateDocument(Document, frozen=True, kw_only=True):
    """A digest that several models share. `level` is "file", "weights" or a component."""

    level: str
    digest: str


class DuplicateModelDocument(ModelDocument, frozen=True, kw_only=True):
    """A model as `list --duplicates --json` prints it."""

    duplicate: DuplicateDocument


def file_document(file: FileRecord) -> FileDocument:
    """Return the document of one file of a model, with all its places."""
    return FileDocument(
        role=file.role,
        size=file.size,
        format=file.format,
        hashes=hashes_document(file.hashes),
        safety=file.safety,
        problems=file.problems,
        locations=tuple(
            LocationDocument(path=str(place.path), root=place.root, relative=place.relative, state=place.state)
            for place in file.locations
        ),
    )


def model_document(record: ModelRecord) -> ModelDocument:
    """Return the document of one model of the catalog."""
    return ModelDocument(**_fields(record))


def shown_model_document(
    record: ModelRecord,
    *,
    same_as: Sequence[SharedComponentDocument],
    render_test: RenderTestDocument | None,
    how_to_use: Sequence[AdviceDocument],
) -> ShownModelDocument:
    """Return the document of one model with what it shares with others, its last render test and how to use it."""
    return ShownModelDocument(**_fields(record), same_as=same_as, render_test=render_test, how_to_use=how_to_use)


def duplicate_model_document(record: ModelRecord, *, level: str, digest: str) -> DuplicateModelDocument:
    """Return the document of a model that shares a digest with others."""
    return DuplicateModelDocument(**_fields(record), duplicate=DuplicateDocument(level=level, digest=digest))


def _fields(record: ModelRecord) -> dict[str, Any]:
    return {
        "path": str(record.path) if record.path else None,
        "size": record.size,
        "format": record.format,
        **answers_of(record.detection),
        "safety": record.safety,
        "hashes": hashes_document(record.files[0].hashes if len(record.files) == 1 else None),
        "problems": record.problems,
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "tags": record.tags,
        "notes": record.notes,
        "overrides": record.overrides,
        "sources": record.sources,
        "files": tuple(file_document(file) for file in record.files),
        "added_at": record.added_at,
    }
