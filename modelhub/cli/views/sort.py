"""What `sort`, `undo` and `history` print."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.cli.output import Column, clean, colour, print_json, table
from modelhub.cli.session import Session
from modelhub.config import Settings
from modelhub.errors import Exit, UsageError
from modelhub.operations.sort.actions import MODES
from modelhub.operations.sort.journal import Recovered, Undone
from modelhub.operations.sort.plan import Rules, SortPlan, Stay
from modelhub.operations.sort.run import Sorted, own_layouts, rules_for
from modelhub.operations.sort.survey import Item
from modelhub.quantities import format_size

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, Operation

_DONE = {"move": "moved", "copy": "copied", "hardlink": "linked", "symlink": "linked", "reflink": "cloned"}
_BY = ("architecture", "style")


def chosen_rules(
    settings: Settings,
    *,
    layout: str | None,
    into: Path | None,
    mode: str = "move",
    by: tuple[str, ...] = (),
    duplicates: str = "leave",
    rename: bool = False,
) -> Rules:
    """The rules of a run from options and settings. Raises UsageError for words that are none."""
    name = layout or settings.sort.layout
    if not name:
        hint = "Such as --layout comfyui --into ~/ComfyUI; the settings sort.layout and sort.into keep it."
        raise UsageError("Say which UI's layout to sort for: --layout.", hint)
    folder = into or (Path(settings.sort.into) if settings.sort.into else None)
    if folder is None:
        raise UsageError("Say where to sort to: --into DIR.", "The UI's own folder, or its models folder.")
    for word, words, option in ((mode, MODES, "--mode"), (duplicates, ("leave", "trash"), "--duplicates")):
        if word not in words:
            raise UsageError(f"{option}: `{word}` is none of {', '.join(words)}.")
    for word in by:
        if word not in _BY:
            raise UsageError(f"--by: `{word}` is none of {', '.join(_BY)}.")
    own = own_layouts(settings.layouts)
    return rules_for(name, folder, own=own, mode=mode, by=by, duplicates=duplicates, rename=rename)


def what(item: Item) -> str:
    """An item in a few words."""
    parts = (item.type.value, item.architecture, item.variant, item.precision)
    return " · ".join(part for part in parts if part)


def show_plan(session: Session, plan: SortPlan) -> None:
    """The plan of a dry run: the very one that would be carried out."""
    if session.json:
        print_json(_document(plan, plan.stays, [(m.item, m.target) for m in plan.moves], plan.duplicates, None))
        return
    _print_moves(plan.rules, [(move.item, move.target, len(move.sidecars)) for move in plan.moves])
    for item, same in plan.duplicates:
        print(f"{colour('to the trash', '33')}  {clean(item.path.name)}, the same as {clean(str(same))}")
    print_stays(plan.stays)
    _sum(
        session, f"{len(plan.moves)} would be {_DONE[plan.rules.mode]}", plan.stays, "Nothing was changed (--dry-run)."
    )


def show_sorted(session: Session, done: Sorted) -> int:
    """What was done; the exit code: 1 when something that should have moved could not be."""
    failed = any(stay.kind in ("failed", "in use", "unreadable") for stay in done.stays)
    if session.json:
        moves = [(move.item, move.target) for move in done.moves]
        print_json(_document(done.plan, done.stays, moves, done.trashed, done.operation))
        return Exit.FAILED if failed else Exit.OK
    _print_moves(done.plan.rules, [(move.item, move.target, len(move.sidecars)) for move in done.moves])
    for item, same in done.trashed:
        print(f"{colour('trashed', '33')}  {clean(item.path.name)}, the same as {clean(str(same))}")
    print_stays(done.stays)
    back = f"`modelhub undo` takes run {done.operation.id} back." if done.operation else ""
    _sum(session, f"{len(done.moves)} {_DONE[done.plan.rules.mode]}", done.stays, back)
    return Exit.FAILED if failed else Exit.OK


def _print_moves(rules: Rules, moves: Sequence[tuple[Item, Path, int]]) -> None:
    folders: dict[Path, list[str]] = {}
    for item, target, sidecars in moves:
        renamed = f" → {target.name}" if target.name != item.path.name else ""
        beside = f", with {sidecars} beside it" if sidecars else ""
        line = f"  {clean(item.path.name)}{clean(renamed)}  ({what(item)}, {format_size(item.size)}{beside})"
        folders.setdefault(target.parent, []).append(line)
    for folder, lines in sorted(folders.items()):
        shown = folder.relative_to(rules.into) if folder.is_relative_to(rules.into) else folder
        print(colour(f"{clean(str(shown))}{os.sep}", "1"))
        print("\n".join(lines))


def print_stays(stays: Sequence[Stay]) -> None:
    """What stays, by reason; first what needs the person."""
    groups: dict[str, list[Stay]] = {}
    for stay in sorted(stays, key=lambda stay: (not stay.needs_you, stay.kind)):
        groups.setdefault(stay.kind, []).append(stay)
    for kind, group in groups.items():
        print(colour(f"stays: {kind}", "31" if group[0].needs_you else "2"))
        for stay in group:
            print(f"  {clean(stay.path.name)}  ({clean(stay.words)})")


def _sum(session: Session, text: str, stays: Sequence[Stay], last: str) -> None:
    needs = sum(stay.needs_you for stay in stays)
    parts = [text, f"{len(stays)} stay" + (f", {needs} need you" if needs else "")]
    session.progress.note("; ".join(parts) + ". " + last)


def _document(
    plan: SortPlan,
    stays: Sequence[Stay],
    moves: Sequence[tuple[Item, Path]],
    duplicates: Sequence[tuple[Item, Path]],
    operation: Operation | None,
) -> dict[str, Any]:
    rules = plan.rules
    return {
        "run": operation.id if operation else None,
        "layout": rules.ui.name,
        "into": str(rules.into),
        "mode": rules.mode,
        "moves": [
            {"source": str(item.path), "target": str(target), "type": item.type.value, "size": item.size}
            for item, target in moves
        ],
        "duplicates": [{"source": str(item.path), "same_as": str(same)} for item, same in duplicates],
        "stays": [
            {"path": str(stay.path), "reason": stay.kind, "words": stay.words, "needs_you": stay.needs_you}
            for stay in stays
        ],
    }


def recovered_lines(session: Session, recovered: Sequence[Recovered]) -> None:
    """Say what an earlier, killed run had left, and that it is settled."""
    for one in recovered:
        session.progress.note(str(one))


def show_undone(session: Session, undone: Undone) -> int:
    """What was put back, and what was refused; the exit code."""
    files = [step for step in undone.steps if step.action not in ("mkdir", "rmdir", "rewrite")]
    if session.json:
        print_json(
            {
                "undone": undone.of.id,
                "run": undone.operation.id if undone.operation else None,
                "files": [{"source": step.source, "target": step.target, "action": step.action} for step in files],
                "refused": [{"path": str(one.path), "words": one.words} for one in undone.refused],
            }
        )
    else:
        for step in files:
            print(f"{clean(Path(step.source).name)} → {clean(step.target)}")
        for refused in undone.refused:
            print(f"{colour('refused', '31')}  {clean(refused.path.name)}  ({clean(refused.words)})")
        number = f"; `modelhub undo {undone.operation.id}` brings it back" if undone.operation else ""
        refused_text = f", {len(undone.refused)} refused" if undone.refused else ""
        session.progress.note(f"run {undone.of.id} undone: {len(files)} files{refused_text}{number}")
    return Exit.FAILED if undone.refused else Exit.OK


def show_history(session: Session, *, limit: int) -> None:
    """Runs, newest first."""
    runs = session.catalog.operations(limit=limit) if session.has_catalog else []
    rows = [_history_row(session.catalog, run) for run in runs]
    if session.json:
        print_json(rows)
        return
    if not rows:
        print("Nothing has been sorted yet.", file=sys.stderr)
        return
    names = ("run", "what", "state", "started_at", "files", "into")
    titles = ("run", "what", "state", "when", "files", "into")
    columns = [Column(title, flexible=title == "into", right=title in ("run", "files")) for title in titles]
    print("\n".join(table(columns, [[str(row[name] or "") for name in names] for row in rows])))


def _history_row(catalog: Catalog, run: Operation) -> dict[str, Any]:
    steps = [step for step in catalog.steps(run) if step.action not in ("mkdir", "rmdir", "rewrite")]
    into = run.parameters.get("into") or (f"run {run.parameters['of']} back" if "of" in run.parameters else "")
    counts = Counter(step.state for step in steps)
    return {
        "run": run.id,
        "what": run.kind,
        "state": run.state,
        "started_at": run.started_at.replace("T", " ")[:16],
        "files": counts["done"] or len(steps),
        "into": into,
        "layout": run.parameters.get("layout"),
        "mode": run.parameters.get("mode"),
    }


def write_report_of(
    target: Path, folders: Sequence[Path], done: Sorted | SortPlan, *, session: Session, recovered: str = ""
) -> None:
    """The HTML report of a run or of a plan."""
    from datetime import datetime

    from modelhub.desktop.report import MovedFile, SkippedFile, SortReport, write_report

    planned = done if isinstance(done, SortPlan) else None
    plan = done if isinstance(done, SortPlan) else done.plan
    operation = None if isinstance(done, SortPlan) else done.operation
    moves = plan.moves if isinstance(done, SortPlan) else done.moves
    trashed = plan.duplicates if isinstance(done, SortPlan) else done.trashed
    how = _DONE[plan.rules.mode]
    rows = [
        MovedFile(
            source=move.item.path,
            target=move.target,
            what=what(move.item),
            size=move.item.size,
            how=how,
            preview=_preview_of([pair[0 if planned else 1] for pair in move.sidecars]),
        )
        for move in moves
    ]
    rows += [
        MovedFile(source=item.path, target=same, what=what(item), size=item.size, how="trashed")
        for item, same in trashed
    ]
    write_report(
        target,
        SortReport(
            title="What would be sorted" if planned else "Sorted",
            folder=folders[0].absolute(),
            into=plan.rules.into,
            layout=plan.rules.ui.name,
            started_at=operation.started_at if operation else datetime.now().astimezone().isoformat(timespec="seconds"),
            operation=operation.id if operation else None,
            dry_run=planned is not None,
            moved=tuple(rows),
            skipped=tuple(
                SkippedFile(path=stay.path, reason=stay.kind, text=stay.words, needs_attention=stay.needs_you)
                for stay in done.stays
            ),
            undo_command=f"modelhub undo {operation.id}" if operation else "",
            recovered=recovered,
        ),
    )


def _preview_of(sidecars: Sequence[Path]) -> Path | None:
    return next((path for path in sidecars if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")), None)
