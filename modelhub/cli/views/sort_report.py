"""The HTML reports of sorts, registrations and undos, and of a click that failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from modelhub.catalog import Operation
from modelhub.cli.output import in_a_row
from modelhub.cli.views.failures import shown_failure
from modelhub.cli.views.sort import explanation, summary
from modelhub.cli.views.undo import is_redo, outcome
from modelhub.desktop.report import MovedFile, SkippedFile, SortReport, write_report
from modelhub.desktop.shortcut import Shortcut
from modelhub.errors import ModelhubError
from modelhub.language import _, translate
from modelhub.operations.sort.enums import SortMode
from modelhub.operations.sort.journal import LeftAlone, Recovered
from modelhub.operations.sort.plan import LeftInPlace, PlannedMove, SortPlan
from modelhub.operations.sort.register import RegistrationResult
from modelhub.operations.sort.run import SortResult
from modelhub.operations.sort.survey import Item
from modelhub.operations.sort.undo import UndoResult
from modelhub.uis.ui import UI

_PREVIEWS = (".png", ".jpg", ".jpeg", ".webp")
_HOW = {
    SortMode.MOVE: "moved",
    SortMode.COPY: "copied",
    SortMode.HARDLINK: "linked",
    SortMode.SYMLINK: "linked",
    SortMode.REFLINK: "cloned",
}
_UNDONE = {"moved-back": "moved", "deleted-copy": "deleted", "deleted-link": "deleted"}


def report_plan(target: Path, folders: Sequence[Path], plan: SortPlan) -> None:
    """Write the report of a dry run."""
    write_report(
        target,
        SortReport(
            title=_("What would be sorted"),
            folder=folders[0].absolute(),
            into=plan.rules.into,
            layout=plan.rules.ui.name,
            started_at=_now(),
            operation=None,
            dry_run=True,
            moved=_moved(plan.rules.mode, plan.moves, plan.duplicates, is_done=False),
            skipped=_left(plan.left),
            undo_command="",
        ),
    )


def report_result(target: Path, folders: Sequence[Path], result: SortResult) -> None:
    """Write the report of a sort."""
    rules, run = result.plan.rules, result.operation
    write_report(
        target,
        SortReport(
            title=_("Sorted"),
            folder=folders[0].absolute(),
            into=rules.into,
            layout=rules.ui.name,
            started_at=run.started_at if run else _now(),
            operation=run.id if run else None,
            dry_run=False,
            moved=_moved(rules.mode, result.moves, result.trashed, is_done=True),
            skipped=_left(result.left),
            undo_command=_undo_command(run),
            recovered=_recovered(result.recovered),
        ),
    )


def report_registered(
    target: Path, folders: Sequence[Path], result: RegistrationResult, ui: UI, *, dry_run: bool
) -> None:
    """Write the report of models that were registered where they are."""
    rows = tuple(
        MovedFile(source=item.path, target=item.path, what=summary(item), size=item.size, how="registered")
        for item in result.new
    )
    folder = folders[0].absolute()
    write_report(
        target,
        SortReport(
            title=_("What would be registered in {ui}", ui=ui.title)
            if dry_run
            else _("Registered in {ui}", ui=ui.title),
            folder=folder,
            into=folder,
            layout=ui.name,
            started_at=_now(),
            operation=None,
            dry_run=dry_run,
            moved=rows,
            skipped=_left(result.left),
            undo_command="",
        ),
    )


def report_undone(target: Path, shortcut: Shortcut, result: UndoResult) -> None:
    """Write the report of an undo that a shortcut started."""
    run = result.operation
    rows = []
    for step in result.files:
        done = outcome(step, is_redo=is_redo(result))
        size = int(step.detail.get("size", 0))
        rows.append(
            MovedFile(
                source=Path(step.source),
                target=Path(step.target),
                what="",
                size=size,
                how=_UNDONE.get(done, done),
            )
        )
    write_report(
        target,
        SortReport(
            title=_("Run {number} was undone", number=result.of.id),
            folder=shortcut.folder,
            into=shortcut.folder,
            layout=shortcut.layout,
            started_at=_now(),
            operation=run.id if run else None,
            dry_run=False,
            moved=tuple(rows),
            skipped=tuple(
                SkippedFile(path=one.path, reason="refused", text=translate(one.message), needs_attention=True)
                for one in result.refused
            ),
            undo_command=_undo_command(run),
            recovered=_recovered(result.recovered),
        ),
    )


def report_error(target: Path, shortcut: Shortcut, error: ModelhubError) -> None:
    """Write the report of a click that failed before anything was sorted."""
    write_report(
        target,
        SortReport(
            title=_("Nothing was sorted"),
            folder=shortcut.folder,
            into=shortcut.into,
            layout=shortcut.layout,
            started_at=_now(),
            operation=None,
            dry_run=False,
            moved=(),
            skipped=(
                SkippedFile(path=shortcut.folder, reason="error", text=shown_failure(error), needs_attention=True),
            ),
            undo_command="",
        ),
    )


def _moved(
    mode: SortMode, moves: Sequence[PlannedMove], trashed: Sequence[tuple[Item, Path]], *, is_done: bool
) -> tuple[MovedFile, ...]:
    sorted_ = tuple(
        MovedFile(
            source=move.item.path,
            target=move.target,
            what=summary(move.item),
            size=move.item.size,
            how=_HOW[mode],
            preview=_preview([pair[1 if is_done else 0] for pair in move.sidecars]),
        )
        for move in moves
    )
    return sorted_ + tuple(
        MovedFile(source=item.path, target=same, what=summary(item), size=item.size, how="trashed")
        for item, same in trashed
    )


def _left(left: Sequence[LeftInPlace]) -> tuple[SkippedFile, ...]:
    return tuple(
        SkippedFile(path=one.path, reason=one.reason, text=explanation(one), needs_attention=one.needs_attention)
        for one in left
    )


def _preview(sidecars: Sequence[Path]) -> Path | None:
    return next((path for path in sidecars if path.suffix.lower() in _PREVIEWS), None)


def _recovered(runs: Sequence[Recovered | LeftAlone]) -> str:
    return in_a_row(translate(run.message) for run in runs)


def _undo_command(run: Operation | None) -> str:
    return f"modelhub undo {run.id}" if run else ""


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
