"""Output of `undo` and `history`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from modelhub.catalog import NewStep
from modelhub.cli.labels import label
from modelhub.cli.output import Column, clean, color, in_a_row, print_json, print_lines, table
from modelhub.cli.session import Session
from modelhub.errors import Exit
from modelhub.language import _, plural, translate
from modelhub.operations.sort.documents import run_document, undo_document
from modelhub.operations.sort.undo import UndoResult

_LINKS = ("hardlink", "symlink")
# What was done with files → the sentence for their number.
_SENTENCES: Mapping[str, Callable[[int], str]] = {
    "moved-back": lambda count: plural(count, "Moved {count} file back.", "Moved {count} files back."),
    "moved": lambda count: plural(count, "Moved {count} file.", "Moved {count} files."),
    "deleted-copy": lambda count: plural(count, "Deleted {count} copy.", "Deleted {count} copies."),
    "deleted-link": lambda count: plural(count, "Deleted {count} link.", "Deleted {count} links."),
    "copied": lambda count: plural(count, "Copied {count} file.", "Copied {count} files."),
    "linked": lambda count: plural(count, "Linked {count} file.", "Linked {count} files."),
}
_COLUMNS = (
    Column("run", right=True),
    Column("what"),
    Column("state"),
    Column("when", spare=1),
    Column("files", right=True),
    Column("into", flexible=True, least=12, main=True),
)


def _local_time(stamp: str) -> str:
    """Return a time of the journal as a clock here shows it, to the minute."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"


def outcome(step: NewStep, *, is_redo: bool) -> str:
    """Return what an undo, or the undo of an undo, did with a file: a key of the sentences."""
    if step.action == "move":
        return "moved" if is_redo else "moved-back"
    if step.action == "unlink":
        return "deleted-link" if step.detail.get("made") in _LINKS else "deleted-copy"
    return "linked" if step.action in _LINKS else "copied"


def undo_sentences(result: UndoResult) -> list[str]:
    """Return how many files were moved back, deleted or made again, and how many could not be."""
    counts = Counter(outcome(step, is_redo=is_redo(result)) for step in result.files)
    sentences = [words(counts[key]) for key, words in _SENTENCES.items() if counts[key]]
    if result.refused:
        sentences.append(plural(len(result.refused), "{count} could not be undone.", "{count} could not be undone."))
    return sentences


def is_redo(result: UndoResult) -> bool:
    """Return whether an undo was undone, so that the files were sorted again."""
    return result.of.kind == "undo"


def show_undone(session: Session, result: UndoResult) -> int:
    """Print what was undone and what was refused; return exit code 1 if anything was refused."""
    if session.json:
        print_json(undo_document(result))
        return Exit.FAILED if result.refused else Exit.OK
    for step in result.files:
        if step.action == "unlink":
            print_lines(f"{color(label('deleted'), '33')}  {clean(step.source)}")
        else:
            print_lines(f"{clean(Path(step.source).name)} → {clean(step.target)}")
    for refused in result.refused:
        word = color(label("refused"), "31")
        print_lines(f"{word}  {clean(refused.path.name)}  ({clean(translate(refused.message))})")
    sentences = undo_sentences(result)
    if result.operation:
        sentences.insert(0, _("Run {number} undone.", number=result.of.id))
        number = result.operation.id
        sentences.append(
            _("Undo with `modelhub undo {number}`.", number=number)
            if is_redo(result)
            else _("Redo with `modelhub undo {number}`.", number=number)
        )
    session.progress.note(in_a_row(sentences) or _("Nothing was left to undo in run {number}.", number=result.of.id))
    return Exit.FAILED if result.refused else Exit.OK


def show_history(session: Session, *, limit: int) -> None:
    """Print the runs, newest first."""
    runs = session.catalog.operations(limit=limit) if session.has_catalog else []
    rows = [run_document(session.catalog, run) for run in runs]
    if session.json:
        print_json(rows)
        return
    if not rows:
        print_lines(_("Nothing has been sorted yet."), error=True)
        return
    cells = [
        (
            str(row.run),
            label(row.what),
            label(row.state),
            _local_time(row.started_at),
            str(row.files or ""),
            row.into or (_("run {number}", number=row.undoes) if row.undoes else ""),
        )
        for row in rows
    ]
    print_lines(table(_COLUMNS, cells))
