"""Sort: plan, show, act. What is sure goes where the layout wants it, journaled; the rest stays, with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.catalog import Catalog, Operation
from modelhub.domain import ModelType
from modelhub.errors import ModelhubError, UsageError
from modelhub.operations.sort.journal import Undone, perform, undo
from modelhub.operations.sort.plan import Move, Rules, SortPlan, Stay, plan_sort, unknown_fields
from modelhub.operations.sort.steps import steps_of
from modelhub.operations.sort.survey import Item, survey
from modelhub.progress import SILENT, Progress
from modelhub.storage.errors import FileInUseError
from modelhub.storage.locks import LockOwner, file_lock
from modelhub.uis.registry import ui_named
from modelhub.uis.ui import UI


@dataclass(slots=True)
class Sorted:
    """What a run did. `operation` is None when nothing had to be done."""

    plan: SortPlan
    operation: Operation | None = None
    moves: list[Move] = field(default_factory=list)
    trashed: list[tuple[Item, Path]] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)


def own_layouts(rows: Mapping[str, Mapping[str, str]]) -> tuple[UI, ...]:
    """Layouts of the configuration: name → type → template. Raises UsageError for unknown types and fields."""
    found = []
    for name, templates in rows.items():
        folders: dict[ModelType, str] = {}
        for word, template in templates.items():
            if word not in {kind.value for kind in ModelType}:
                raise UsageError(f"layout.{name}: there is no type `{word}`.", "`modelhub list --json` shows types.")
            parts = template.replace("\\", "/").split("/")
            if template.startswith("/") or ".." in parts or (len(template) > 1 and template[1] == ":"):
                raise UsageError(f"layout.{name}.{word}: `{template}` must lie below the folder that is sorted into.")
            folders[ModelType(word)] = "/".join(part for part in parts if part)
        layout = UI(name=name, title=name, folders=folders, diffusers=folders.get(ModelType.BASE))
        if unknown := unknown_fields(layout):
            raise UsageError(
                f"layout.{name}: there is no field {{{unknown[0]}}}.",
                "Fields: {type} {architecture} {style} {variant} {precision} {name}.",
            )
        found.append(layout)
    return tuple(found)


def rules_for(
    layout: str,
    into: Path,
    *,
    own: Sequence[UI] = (),
    mode: str = "move",
    by: tuple[str, ...] = (),
    duplicates: str = "leave",
    rename: bool = False,
) -> Rules:
    """Rules with the layout's real folder: a UI's own folder may be named instead of the models folder in it."""
    row = ui_named(layout, own)
    folder = Path(os.path.abspath(into.expanduser()))  # noqa: PTH100 - resolve() would follow links
    if row.inner and folder.name.lower() != row.inner.lower():
        tops = {place.split("/")[0] for place in row.folders.values()}
        if not any((folder / top).is_dir() for top in tops):
            folder = folder / row.inner
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder to sort into.")
    return Rules(ui=row, into=folder, mode=mode, by=by, duplicates=duplicates, rename=rename)


def lock_for(
    library: Path, *, wait: float = 0.0, on_wait: Callable[[LockOwner], None] | None = None
) -> AbstractContextManager[None]:
    """One sort or undo at a time; BusyError names the other one."""
    return file_lock(library / ".sort.lock", wait=wait, on_wait=on_wait)


def plan(paths: Sequence[Path], rules: Rules, *, catalog: Catalog | None, progress: Progress = SILENT) -> SortPlan:
    """Look at everything and decide; nothing is changed. Files are read whole only to compare two of one size."""
    found = survey(
        [Path(os.path.abspath(path.expanduser())) for path in paths],  # noqa: PTH100
        catalog=catalog,
        outside=rules.into,
        algorithms=rules.ui.lycoris is not None,
        progress=progress,
    )
    return plan_sort(found, rules)


def carry_out(decided: SortPlan, *, catalog: Catalog, progress: Progress = SILENT) -> Sorted:
    """Do exactly what the plan says; call it with the lock held, after `recover`."""
    result = Sorted(decided, stays=list(decided.stays))
    try:
        bundles = steps_of(decided)
    except OSError as exc:
        raise ModelhubError(f"{exc.filename}: {exc.strerror}.", "Nothing was moved; sort again.") from exc
    if not bundles:
        return result
    rules = decided.rules
    parameters = {"layout": rules.ui.name, "into": str(rules.into), "mode": rules.mode}
    with progress.task("sorting", total=len(bundles), unit="models") as task:
        done = perform(catalog, "sort", parameters, bundles, on_bundle=lambda number: task.advance(1))
    result.operation = done.operation
    succeeded = set(done.done)
    count = len(decided.moves)
    result.moves = [move for number, move in enumerate(decided.moves) if number in succeeded]
    result.trashed = [pair for number, pair in enumerate(decided.duplicates, count) if number in succeeded]
    for failure in done.failed:
        item = (
            decided.moves[failure.bundle].item
            if failure.bundle < count
            else decided.duplicates[failure.bundle - count][0]
        )
        kind = "in use" if isinstance(failure.error, FileInUseError) else "failed"
        words = f"{failure.error.message} {failure.error.remedy.text}".strip()
        result.stays.append(Stay(path=item.path, kind=kind, words=words, needs_you=True))
    return result


def history(catalog: Catalog, *, limit: int | None = None) -> list[Operation]:
    """Sorts and undos, newest first."""
    return catalog.operations(limit=limit)


def undo_run(catalog: Catalog, number: int | None = None, *, progress: Progress = SILENT) -> Undone:
    """Take a run back: the one of that number, else the newest sort that is not undone yet.

    Raises UsageError when there is none.
    """
    operations = catalog.operations()
    if number is None:
        chosen = next((found for found in operations if found.kind == "sort" and found.state in _OPEN), None)
        if chosen is None:
            raise UsageError("There is no sort to undo.", "`modelhub history` shows what was done.")
    else:
        chosen = next((found for found in operations if found.id == number), None)
        if chosen is None:
            raise UsageError(f"There is no run {number}.", "`modelhub history` shows their numbers.")
        if chosen.state not in _OPEN:
            raise UsageError(f"Run {number} is {chosen.state} already.", "`modelhub history` shows what can be undone.")
    with progress.task("undoing", unit="models") as task:
        return undo(catalog, chosen, on_bundle=lambda _: task.advance(1))


_OPEN = ("done", "partly undone")
