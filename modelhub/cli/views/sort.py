"""Output of `sort` into folders: its plan, its result, and what is left in place."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modelhub.cli.labels import label
from modelhub.cli.output import clean, color, in_a_row, print_json, print_lines
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.errors import Exit
from modelhub.language import _, plural, translate
from modelhub.operations.sort.documents import plan_document, sort_document
from modelhub.operations.sort.enums import SortMode
from modelhub.operations.sort.plan import PASSED_OVER, LeftInPlace, PlannedMove, SortPlan
from modelhub.operations.sort.rules import SortRules
from modelhub.operations.sort.run import SortResult
from modelhub.operations.sort.survey import Item
from modelhub.quantities import format_size

# Mode → the sentence for the number of models that are done, and that would be.
_DONE: Mapping[SortMode, Callable[[int], str]] = {
    SortMode.MOVE: lambda count: plural(count, "{count} model moved.", "{count} models moved."),
    SortMode.COPY: lambda count: plural(count, "{count} model copied.", "{count} models copied."),
    SortMode.HARDLINK: lambda count: plural(count, "{count} model linked.", "{count} models linked."),
    SortMode.SYMLINK: lambda count: plural(count, "{count} model linked.", "{count} models linked."),
    SortMode.REFLINK: lambda count: plural(count, "{count} model cloned.", "{count} models cloned."),
}
_PLANNED: Mapping[SortMode, Callable[[int], str]] = {
    SortMode.MOVE: lambda count: plural(count, "{count} model would be moved.", "{count} models would be moved."),
    SortMode.COPY: lambda count: plural(count, "{count} model would be copied.", "{count} models would be copied."),
    SortMode.HARDLINK: lambda count: plural(count, "{count} model would be linked.", "{count} models would be linked."),
    SortMode.SYMLINK: lambda count: plural(count, "{count} model would be linked.", "{count} models would be linked."),
    SortMode.REFLINK: lambda count: plural(count, "{count} model would be cloned.", "{count} models would be cloned."),
}
# Reasons for which a sort fails: the model should have been moved, and could not be.
_FAILED = ("failed", "in use", "unreadable")
_MOST_PASSED = 12  # files that are passed over and shown; the JSON document has all


def summary(item: Item) -> str:
    """Return an item in a few words: its type, architecture, variant and precision."""
    parts = (item.type.value, item.architecture, item.variant, item.precision)
    return " · ".join(label(part) for part in parts if part)


def explanation(left: LeftInPlace) -> str:
    """Return why a file is left in place, and what to do about it, in sentences."""
    return in_a_row(part for part in (translate(left.message), translate(sentence(left.remedy))) if part)


def show_plan(session: Session, plan: SortPlan) -> None:
    """Print the plan of a dry run: the one that the same sort would carry out."""
    if session.json:
        print_json(plan_document(plan))
        return
    _print_moves(plan.rules, plan.moves)
    for item, same in plan.duplicates:
        print_lines(_same_line("to the trash", item, same))
    print_left(plan.left)
    session.progress.note(in_a_row((*planned_sentences(plan), _("Nothing was changed (dry run)."))))


def show_result(session: Session, result: SortResult) -> int:
    """Print what was done; return exit code 1 if a model that should have been moved could not be."""
    if session.json:
        print_json(sort_document(result))
        return exit_code(result.left)
    _print_moves(result.plan.rules, result.moves)
    for item, same in result.trashed:
        print_lines(_same_line("trashed", item, same))
    print_left(result.left)
    sentences = [*done_sentences(result)]
    if result.moves:
        sentences.append(_("Undo with `modelhub undo`."))
    session.progress.note(in_a_row(sentences))
    return exit_code(result.left)


def _same_line(word: str, item: Item, same: Path) -> str:
    text = _("{name}, the same as {path}", name=clean(item.path.name), path=clean(str(same)))
    return f"{color(label(word), '33')}  {text}"


def exit_code(left: Sequence[LeftInPlace]) -> int:
    """Return 1 if a model that should have been sorted could not be."""
    return Exit.FAILED if any(one.reason in _FAILED for one in left) else Exit.OK


def done_sentences(result: SortResult) -> tuple[str, ...]:
    """Return how many models were sorted, and how many were left in place."""
    return _DONE[result.plan.rules.mode](len(result.moves)), *left_sentences(result.left)


def planned_sentences(plan: SortPlan) -> tuple[str, ...]:
    """Return how many models would be sorted, and how many would be left in place."""
    return _PLANNED[plan.rules.mode](len(plan.moves)), *left_sentences(plan.left)


def left_sentences(left: Sequence[LeftInPlace]) -> tuple[str, ...]:
    """Return how many files were left in place, and how many of them need attention; nothing for none."""
    needed = sum(one.needs_attention for one in left)
    if not left:
        return ()
    if not needed:
        return (_("{count} left in place.", count=len(left)),)
    text = plural(
        needed,
        "{total} left in place ({count} needs your attention).",
        "{total} left in place ({count} need your attention).",
        total=len(left),
    )
    return (text,)


def _print_moves(rules: SortRules, moves: Sequence[PlannedMove]) -> None:
    folders: dict[Path, list[str]] = {}
    for move in moves:
        item, target = move.item, move.target
        renamed = f" → {target.name}" if target.name != item.path.name else ""
        facts = [clean(summary(item)), format_size(item.size)]
        if move.sidecars:
            facts.append(plural(len(move.sidecars), "{count} sidecar", "{count} sidecars"))
        line = f"  {clean(item.path.name)}{clean(renamed)}  ({', '.join(facts)})"
        folders.setdefault(target.parent, []).append(line)
    for folder, lines in sorted(folders.items()):
        shown = folder.relative_to(rules.into) if folder.is_relative_to(rules.into) else folder
        print_lines([color(f"{clean(str(shown))}{os.sep}", "1"), *lines])


def print_left(left: Sequence[LeftInPlace]) -> None:
    """Print what is left in place by reason, first what needs the user's attention; a hint that all share, once."""
    names = Counter(one.path.name for one in left)
    groups: dict[str, list[LeftInPlace]] = {}
    for one in sorted(left, key=lambda one: (not one.needs_attention, one.reason)):
        groups.setdefault(one.reason, []).append(one)
    for reason, group in groups.items():
        title = _("left in place: {reason}", reason=label(reason))
        print_lines(color(title, "31" if group[0].needs_attention else "2"))
        hints = {sentence(one.remedy) for one in group}
        shared = "".join(hints) if len(group) > 1 and len(hints) == 1 else ""
        shown = group[:_MOST_PASSED] if reason == PASSED_OVER else group
        for one in shown:
            name = str(one.path) if names[one.path.name] > 1 else one.path.name
            why = translate(one.message) if shared else explanation(one)
            print_lines(f"  {clean(name)}  ({clean(why)})")
        if len(shown) < len(group):
            text = plural(len(group) - len(shown), "… and {count} more", "… and {count} more")
            print_lines(f"  {text}")
        if shared:
            print_lines(f"  → {clean(translate(shared))}")
