"""The columns of each result type, once: what a SELECT names, and how a row becomes the value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from modelhub.catalog.database import CatalogError
from modelhub.catalog.encoding import decode_inode, decode_text
from modelhub.catalog.values import KnownLocation, Lookup, ModelRow, Operation, RenderRun, Root, Step
from modelhub.documents.stored import restore_detection, restore_safety
from modelhub.domain import Detection, Format, Location, LocationState, SafetyReport, Source, TriggerWord

T = TypeVar("T")
Row = Sequence[Any]


class Columns(Generic[T]):
    """The columns of one result type: field → SQL, or SQL and a function that converts what the database gives.

    `names` are the fields, `sql` is the list for a SELECT; a row may hold more columns in front, which `skip` counts.
    """

    def __init__(self, build: Callable[..., T], **columns: str | tuple[str, Callable[[Any], Any]]) -> None:
        self._build = build
        self.names = tuple(columns)
        self._convert = tuple(None if isinstance(column, str) else column[1] for column in columns.values())
        self.sql = ", ".join(column if isinstance(column, str) else column[0] for column in columns.values())

    def named(self, row: Row, *, skip: int = 0) -> dict[str, Any]:
        """Return the converted values by field. Raise CatalogError for one that modelhub did not write."""
        values = row[skip:] if skip else row
        try:
            return {
                name: value if convert is None else convert(value)
                for name, convert, value in zip(self.names, self._convert, values, strict=True)
            }
        except Exception as exc:  # the value decides what: no JSON, JSON of another kind, not a word of ours …
            raise CatalogError(
                f"A row of the catalog cannot be read ({type(exc).__name__}: {exc}).",
                "It was left as it is. Backups are beside the catalog (*.backup-*); `doctor` checks it.",
            ) from exc

    def value(self, row: Row, *, skip: int = 0, **more: Any) -> T:
        """Return the value of one row; `more` are fields that come from elsewhere."""
        return self._build(**self.named(row, skip=skip), **more)

    def values(self, rows: Iterable[Row]) -> list[T]:
        """Return the values of rows."""
        return [self.value(row) for row in rows]


def _path(text: str) -> Path:
    return Path(decode_text(text))


def _optional(text: str | None) -> str | None:
    return None if text is None else decode_text(text)


def _words(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(decode_text(word) for word in json.loads(text))


def _pictures(text: str | None) -> dict[str, str]:
    return json.loads(decode_text(text)) if text else {}


def _strings(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _detection(text: str) -> Detection:
    return restore_detection(json.loads(text))


def _safety(text: str) -> SafetyReport:
    return restore_safety(json.loads(text))


def _whole(text: str | None) -> dict[str, Any] | None:
    return json.loads(text) if text else None


def _object(text: str) -> dict[str, Any] | None:
    """Return a JSON object, None when the text is not one: another version wrote it, or it is damaged.

    One such row must not keep all the others from being read.
    """
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _operation(*, parameters: dict[str, Any] | None, **values: Any) -> Operation:
    return Operation(**values, parameters=parameters or {}, readable=parameters is not None)


def _step(*, detail: dict[str, Any] | None, **values: Any) -> Step:
    return Step(**values, detail=detail or {}, readable=detail is not None)


MODEL_ROW: Columns[ModelRow] = Columns(
    ModelRow,
    id="m.id",
    name=("m.name", decode_text),
    type="m.type",
    architecture="m.architecture",
    architecture_candidates=("m.candidates", _words),
    variant="m.variant",
    precision="m.precision",
    style="m.style",
    trigger_words=("m.words", _words),
    format="m.format",
    size="m.size",
    state="m.state",
    verdict="m.verdict",
    problems="m.problem_count",
    broken=("m.broken", bool),
    added_at="m.added_at",
)
# What a record takes from the model's own row.
MODEL: Columns[dict[str, Any]] = Columns(
    dict,
    id="m.id",
    name=("m.name", decode_text),
    verdict="m.verdict",
    format=("m.format", Format),
    size="m.size",
    state=("m.state", LocationState),
    whole=("m.whole", _whole),
    notes=("m.notes", decode_text),
    added_at="m.added_at",
)
# What a model's row is computed from: its own columns, and those of its main file.
ANSWERS: Columns[dict[str, Any]] = Columns(
    dict,
    name=("m.recorded_name", decode_text),
    whole=("m.whole", _whole),
    notes=("m.notes", decode_text),
    format="f.format",
    detection=("f.detection", _detection),
    safety=("f.safety", _safety),
    problems=("f.problems", _strings),
    broken=("f.broken", bool),
)
# What a record takes from a file's row.
FILE: Columns[dict[str, Any]] = Columns(
    dict,
    id="f.id",
    sha256="f.sha256",
    size="f.size",
    format=("f.format", Format),
    blake3="f.blake3",
    crc32="f.crc32",
    autov1="f.autov1",
    autov3="f.autov3",
    detection=("f.detection", _detection),
    safety=("f.safety", _safety),
    problems=("f.problems", _strings),
    broken=("f.broken", bool),
    rules_version="f.rules_version",
)
LOCATION: Columns[Location] = Columns(
    Location,
    root=("r.name", decode_text),
    root_path=("r.path", _path),
    relative=("l.relative", decode_text),
    size="l.size",
    mtime_ns="l.mtime_ns",
    inode=("l.inode", decode_inode),
    state=("l.state", LocationState),
)
KNOWN_LOCATION: Columns[KnownLocation] = Columns(
    KnownLocation,
    id="l.id",
    relative=("l.relative", decode_text),
    size="l.size",
    mtime_ns="l.mtime_ns",
    inode=("l.inode", decode_inode),
    state=("l.state", LocationState),
    sha256="f.sha256",
    model_id=("(SELECT min(mf.model_id) FROM model_file mf WHERE mf.file_id = l.file_id)", lambda key: key or 0),
)
ROOT: Columns[Root] = Columns(Root, id="id", name=("name", decode_text), path=("path", _path), whole=("whole", bool))
# `commit` is a word of SQL.
SOURCE: Columns[Source] = Columns(
    Source,
    **{
        name: (f'"{name}"', _optional)
        for name in (
            "kind",
            "reference",
            "requested",
            "revision",
            "commit",
            "url",
            "path",
            "license",
            "fetched_at",
            "scan",
            "base_model",
        )
    },
)
TRIGGER_WORD: Columns[TriggerWord] = Columns(TriggerWord, word=("word", decode_text), source=("source", decode_text))
LOOKUP: Columns[Lookup] = Columns(Lookup, sha256="sha256", asked_at="asked_at", found=("found", bool))
OPERATION: Columns[Operation] = Columns(
    _operation,
    id="id",
    kind="kind",
    state="state",
    parameters=("parameters", _object),
    started_at="started_at",
    finished_at="finished_at",
)
STEP: Columns[Step] = Columns(
    _step,
    id="id",
    operation_id="operation_id",
    position="position",
    action="action",
    source=("source", decode_text),
    target=("target", decode_text),
    detail=("detail", _object),
    state="state",
)
RENDER_RUN: Columns[RenderRun] = Columns(
    RenderRun,
    id="id",
    model_id="model_id",
    base_model_id="base_model_id",
    base_name=("base_name", decode_text),
    recipe=("recipe", json.loads),
    verdict="verdict",
    words=("words", decode_text),
    metrics=("metrics", json.loads),
    warnings=("warnings", _strings),
    pictures=("picture", _pictures),
    key="recipe_key",
    seconds=("seconds", lambda count: count or 0.0),
    started_at="started_at",
)
