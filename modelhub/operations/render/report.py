"""Report render tests: their JSON documents, and the contact sheet of a library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.documents.render import RenderTestDocument
from modelhub.domain import ModelRecord
from modelhub.errors import Remedy
from modelhub.language import translate
from modelhub.operations.render.options import RenderTestType
from modelhub.quantities import format_duration
from modelhub.render.verdicts import is_good, remedy_for

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, RenderRun
    from modelhub.operations.render.run import RenderTestResult
    from modelhub.render.sheet.entries import Entry


# The details that a contact sheet shows beside the verdict.
DETAIL_LABELS = ("prompt", "base", "chosen as", "time")


def remedy_of(record: ModelRecord, run: RenderRun) -> Remedy:
    """Return what to do about a model's verdict, an empty remedy where nothing is known to help."""
    detection = record.detection
    architecture = detection.architecture or "/".join(detection.architecture_candidates)
    return remedy_for(run.verdict, metrics=run.metrics, architecture=architecture, base=run.base_name)


def render_test_document(record: ModelRecord, run: RenderRun, library: Path) -> RenderTestDocument:
    """Return the document of one result; `library` is the folder that has the pictures."""
    return RenderTestDocument(
        id=record.id,
        name=record.name,
        path=str(record.path) if record.path else None,
        type=record.detection.type.value,
        verdict=run.verdict,
        good=is_good(run.verdict),
        words=run.words,
        warnings=run.warnings,
        remedy=remedy_of(record, run).text,
        base=run.base_name or None,
        recipe=dict(run.recipe),
        metrics=dict(run.metrics),
        pictures={kind: str(library / path) for kind, path in run.pictures.items()},
        seconds=run.seconds,
        started_at=run.started_at,
    )


def write_contact_sheet(target: Path, results: Sequence[RenderTestResult], *, catalog: Catalog, library: Path) -> bool:
    """Write a sheet of these results and of every other model's last one; return False when there is none.

    Models that do not work come first, then by type and name. Raise UsageError for a name that is not a sheet's, and
    ModelhubError when it cannot be written.
    """
    from modelhub.render.sheet.sheet import language_of_sheet, write_sheet

    rows = [(result.record, result.run) for result in results]
    shown = {record.id for record, _ in rows}
    rows += [
        (catalog.get(model_id), run) for model_id, run in catalog.last_render_runs().items() if model_id not in shown
    ]
    if not rows:
        return False
    rows.sort(key=_order)
    with language_of_sheet(target):
        write_sheet(target, [sheet_entry(record, run, library) for record, run in rows], title="modelhub render-test")
    return True


def sheet_entry(record: ModelRecord, run: RenderRun, library: Path) -> Entry:
    """Return the row of a contact sheet for one result, its base explained in the language in use."""
    from modelhub.render.sheet.entries import Entry

    paths = {kind: library / path for kind, path in run.pictures.items()}
    why = translate(str(run.recipe.get("base_why") or ""))
    values = (str(run.recipe.get("prompt", "")), run.base_name, why, format_duration(run.seconds))
    detection = record.detection
    return Entry(
        name=record.name,
        type=detection.type.value,
        architecture=detection.architecture or "/".join(detection.architecture_candidates),
        verdict=run.verdict,
        good=is_good(run.verdict),
        words=run.words,
        warnings=run.warnings,
        base=paths.get("base"),
        picture=paths.get("full"),
        half=paths.get("half"),
        difference=paths.get("difference"),
        details=tuple((name, value) for name, value in zip(DETAIL_LABELS, values, strict=True) if value),
    )


def _order(row: tuple[ModelRecord, RenderRun]) -> tuple[bool, int, str]:
    record, run = row
    types = [type_.value for type_ in RenderTestType]
    type_ = record.detection.type.value
    return is_good(run.verdict), types.index(type_) if type_ in types else len(types), record.name.casefold()
