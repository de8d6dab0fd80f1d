"""The results of sort and undo as the documents that programs rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from modelhub.catalog import Catalog, Operation
from modelhub.documents.sort import (
    LeftInPlaceDocument,
    MoveDocument,
    RefusalDocument,
    RegistrationDocument,
    RunDocument,
    SortDocument,
    TrashedDocument,
    UndoDocument,
    UndoneFileDocument,
)
from modelhub.operations.sort.actions import is_about_file
from modelhub.operations.sort.plan import LeftInPlace, PlannedMove, SortPlan
from modelhub.operations.sort.register import RegistrationResult
from modelhub.operations.sort.rules import SortRules
from modelhub.operations.sort.run import SortResult
from modelhub.operations.sort.survey import Item
from modelhub.operations.sort.undo import UndoResult


def plan_document(plan: SortPlan) -> SortDocument:
    """Return the document of a plan, which has no run."""
    return _document(plan.rules, plan.moves, plan.duplicates, plan.left, run=None)


def sort_document(result: SortResult) -> SortDocument:
    """Return the document of a sort that was carried out."""
    run = result.operation.id if result.operation else None
    return _document(result.plan.rules, result.moves, result.trashed, result.left, run=run)


def _document(
    rules: SortRules,
    moves: Sequence[PlannedMove],
    duplicates: Sequence[tuple[Item, Path]],
    left: Sequence[LeftInPlace],
    *,
    run: int | None,
) -> SortDocument:
    return SortDocument(
        run=run,
        layout=rules.ui.name,
        into=str(rules.into),
        mode=rules.mode.value,
        moves=tuple(
            MoveDocument(
                source=str(move.item.path),
                target=str(move.target),
                type=move.item.type.value,
                size=move.item.size,
            )
            for move in moves
        ),
        duplicates=tuple(TrashedDocument(source=str(item.path), same_as=str(same)) for item, same in duplicates),
        stays=_left_documents(left),
    )


def _left_documents(left: Sequence[LeftInPlace]) -> tuple[LeftInPlaceDocument, ...]:
    return tuple(
        LeftInPlaceDocument(
            path=str(one.path),
            reason=one.reason,
            words=f"{one.message} {one.remedy.text}".strip(),
            needs_you=one.needs_attention,
        )
        for one in left
    )


def registration_document(result: RegistrationResult, address: str) -> RegistrationDocument:
    """Return the document of a registration at an address."""
    return RegistrationDocument(
        server=address,
        registered=tuple(str(item.path) for item in result.new),
        known=tuple(str(item.path) for item in result.known),
        stays=_left_documents(result.left),
    )


def undo_document(result: UndoResult) -> UndoDocument:
    """Return the document of an undo."""
    return UndoDocument(
        undone=result.of.id,
        run=result.operation.id if result.operation else None,
        files=tuple(
            UndoneFileDocument(source=step.source, target=step.target, action=step.action) for step in result.files
        ),
        refused=tuple(RefusalDocument(path=str(one.path), words=one.message) for one in result.refused),
    )


def run_document(catalog: Catalog, run: Operation) -> RunDocument:
    """Return the document of a run in the history."""
    counts = Counter(step.state for step in catalog.steps(run) if is_about_file(step))
    parameters = {name: str(value) for name, value in run.parameters.items()}
    return RunDocument(
        run=run.id,
        what=run.kind,
        state=run.state,
        started_at=run.started_at.replace("T", " ")[:16],
        files=counts["done"] or counts.total(),
        into=parameters.get("into", ""),
        layout=parameters.get("layout"),
        mode=parameters.get("mode"),
        undoes=undone if isinstance(undone := run.parameters.get("of"), int) else None,
    )
