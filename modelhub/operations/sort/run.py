"""Sort a folder and undo sorts: lock, recover, plan and act in one call, for every front end.

Each run is in the journal before anything moves. What is sure goes where the UI expects it; the rest is left in place,
with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog, Operation
from modelhub.errors import ModelhubError, Remedy, UsageError
from modelhub.home import expand_home
from modelhub.operations.sort.journal import LeftAlone, Performed, Recovered, perform, recover
from modelhub.operations.sort.plan import LeftInPlace, PlannedMove, SortPlan, plan_sort
from modelhub.operations.sort.rules import SortRules
from modelhub.operations.sort.steps import steps_of
from modelhub.operations.sort.survey import Item, survey
from modelhub.operations.sort.undo import UndoResult, undo_operation
from modelhub.progress import SILENT, Progress
from modelhub.storage.errors import FileInUseError, from_os_error
from modelhub.storage.locks import file_lock

WAIT = 30.0  # seconds that a sort or undo waits for another one
_UNDOABLE = ("done", "partly undone")
_SHOW_HISTORY = Remedy("The history shows the runs that can be undone.", "show-history")


@dataclass(slots=True)
class SortResult:
    """The outcome of a sort. `operation` is None when there was nothing to do.

    `recovered`: earlier runs that had been interrupted.
    """

    plan: SortPlan
    operation: Operation | None = None
    moves: list[PlannedMove] = field(default_factory=list)
    trashed: list[tuple[Item, Path]] = field(default_factory=list)
    left: list[LeftInPlace] = field(default_factory=list)
    recovered: list[Recovered | LeftAlone] = field(default_factory=list)


def plan(paths: Sequence[Path], rules: SortRules, *, catalog: Catalog | None, progress: Progress = SILENT) -> SortPlan:
    """Return what a sort would do now; nothing is changed. `catalog`: None where there is none yet.

    Files are read as a whole only to compare two of one size. Raise NotFoundError when a path does not exist.
    """
    found = survey(
        [Path(os.path.abspath(expand_home(path))) for path in paths],  # noqa: PTH100 - resolve() would follow links
        catalog=catalog,
        outside=rules.into,
        algorithms=rules.ui.lycoris is not None,
        progress=progress,
    )
    return plan_sort(found, rules)


def sort(
    paths: Sequence[Path],
    rules: SortRules,
    *,
    catalog: Catalog,
    library: Path,
    confirm: Callable[[SortPlan], bool] = lambda _: True,
    wait: float = WAIT,
    progress: Progress = SILENT,
) -> SortResult:
    """Settle interrupted runs, plan, and carry the plan out, while no other sort or undo runs on this library.

    `confirm` is called with the plan; if it returns False, nothing is done. `wait`: seconds to wait for another sort.
    Raise BusyError when that one still runs, NotFoundError when a path does not exist.
    """
    with _exclusive(library, wait=wait):
        recovered = _recover(catalog, progress)
        decided = plan(paths, rules, catalog=catalog, progress=progress)
        result = SortResult(decided, left=list(decided.left), recovered=recovered)
        if confirm(decided):
            _carry_out(decided, result, catalog=catalog, progress=progress)
    return result


def undo(
    number: int | None = None,
    *,
    catalog: Catalog,
    library: Path,
    wait: float = WAIT,
    progress: Progress = SILENT,
) -> UndoResult:
    """Undo the run of that number, or else the newest sort that is not undone yet, after settling interrupted runs.

    Raise UsageError when there is no such run, BusyError as `sort` does, ModelhubError for a run that
    this version does not understand and, without a number, while such a run is unfinished.
    """
    with _exclusive(library, wait=wait):
        recovered = _recover(catalog, progress)
        chosen = _newest(catalog, recovered) if number is None else _numbered(catalog, number)
        with progress.task("undoing", unit="models") as task:
            result = undo_operation(catalog, chosen, on_bundle=lambda _: task.advance(1))
    result.recovered = recovered
    return result


def _exclusive(library: Path, *, wait: float) -> AbstractContextManager[None]:
    return file_lock(library / ".sort.lock", wait=wait)


def _recover(catalog: Catalog, progress: Progress) -> list[Recovered | LeftAlone]:
    recovered = recover(catalog)
    for run in recovered:
        progress.note(run.message)
    return recovered


def _carry_out(decided: SortPlan, result: SortResult, *, catalog: Catalog, progress: Progress) -> None:
    """Do exactly what is planned, and fill in the result; the lock must be held."""
    try:
        bundles = steps_of(decided)
    except OSError as exc:
        raise from_os_error(exc, Path(exc.filename or decided.rules.into), "read") from exc
    if not bundles:
        return
    rules = decided.rules
    parameters = {"layout": rules.ui.name, "into": str(rules.into), "mode": rules.mode.value}
    with progress.task("sorting", total=len(bundles), unit="models") as task:
        done = perform(catalog, "sort", parameters, bundles, on_bundle=lambda _: task.advance(1))
    result.operation = done.operation
    succeeded = set(done.done)
    count = len(decided.moves)
    result.moves = [move for number, move in enumerate(decided.moves) if number in succeeded]
    result.trashed = [pair for number, pair in enumerate(decided.duplicates, count) if number in succeeded]
    result.left += _failures(decided, done)


def _failures(decided: SortPlan, done: Performed) -> list[LeftInPlace]:
    items = [move.item for move in decided.moves] + [item for item, _ in decided.duplicates]
    return [
        LeftInPlace(
            path=items[failure.bundle].path,
            reason="in use" if isinstance(failure.error, FileInUseError) else "failed",
            message=failure.error.message,
            remedy=failure.error.remedy,
            needs_attention=True,
        )
        for failure in done.failed
    ]


def _newest(catalog: Catalog, recovered: Sequence[Recovered | LeftAlone]) -> Operation:
    """Return the newest sort that is not undone yet.

    It is not chosen while an interrupted run is left alone: what that one did to the files is not known.
    """
    left_alone = next((run for run in recovered if isinstance(run, LeftAlone)), None)
    if left_alone is not None:
        raise ModelhubError(
            f"Run {left_alone.operation.id} is unfinished, and only a later version of modelhub can settle it.",
            Remedy("Name the run to undo.", "undo-number"),
        )
    for operation in catalog.operations():
        if operation.kind == "sort" and operation.state in _UNDOABLE:
            return operation
    raise UsageError("There is no sort to undo.", _SHOW_HISTORY)


def _numbered(catalog: Catalog, number: int) -> Operation:
    operation = catalog.operation(number)
    if operation is None:
        raise UsageError(f"There is no run {number}.", _SHOW_HISTORY)
    # One that is still running after recovery is not understood by this version; undoing it reports why.
    if operation.state not in (*_UNDOABLE, "running"):
        raise UsageError(f"Run {number} cannot be undone: its state is `{operation.state}`.", _SHOW_HISTORY)
    return operation
