"""Output of `undo` and `history`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from modelhub.catalog import NewStep
from modelhub.cli.output import Column, clean, color, count_sentence, print_json, table
from modelhub.cli.session import Session
from modelhub.errors import Exit
from modelhub.operations.sort.documents import run_document, undo_document
from modelhub.operations.sort.undo import UndoResult

_LINKS = ("hardlink", "symlink")
# What was done with a file → the sentences for one and for many.
_SENTENCES = {
    "moved back": ("Moved 1 file back.", "Moved {count} files back."),
    "moved": ("Moved 1 file.", "Moved {count} files."),
    "deleted copy": ("Deleted 1 copy.", "Deleted {count} copies."),
    "deleted link": ("Deleted 1 link.", "Deleted {count} links."),
    "copied": ("Copied 1 file.", "Copied {count} files."),
    "linked": ("Linked 1 file.", "Linked {count} files."),
}


def outcome(step: NewStep, *, is_redo: bool) -> str:
    """Return what an undo, or the undo of an undo, did with a file: a key of the sentences."""
    if step.action == "move":
        return "moved" if is_redo else "moved back"
    if step.action == "unlink":
        return "deleted link" if step.detail.get("made") in _LINKS else "deleted copy"
    return "linked" if step.action in _LINKS else "copied"


def undo_sentences(result: UndoResult) -> list[str]:
    """Return how many files were moved back, deleted or made again, and how many could not be."""
    counts = Counter(outcome(step, is_redo=is_redo(result)) for step in result.files)
    sentences = [count_sentence(counts[key], *words) for key, words in _SENTENCES.items() if counts[key]]
    if result.refused:
        sentences.append(count_sentence(len(result.refused), "1 could not be undone.", "{count} could not be undone."))
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
            print(f"{color('deleted', '33')}  {clean(step.source)}")
        else:
            print(f"{clean(Path(step.source).name)} → {clean(step.target)}")
    for refused in result.refused:
        print(f"{color('refused', '31')}  {clean(refused.path.name)}  ({clean(refused.message)})")
    sentences = undo_sentences(result)
    if result.operation:
        sentences.insert(0, f"Run {result.of.id} undone.")
        number = result.operation.id
        sentences.append(
            f"Undo with `modelhub undo {number}`." if is_redo(result) else f"Redo with `modelhub undo {number}`."
        )
    session.progress.note(" ".join(sentences) or f"Nothing was left to undo in run {result.of.id}.")
    return Exit.FAILED if result.refused else Exit.OK


def show_history(session: Session, *, limit: int) -> None:
    """Print the runs, newest first."""
    runs = session.catalog.operations(limit=limit) if session.has_catalog else []
    rows = [run_document(session.catalog, run) for run in runs]
    if session.json:
        print_json(rows)
        return
    if not rows:
        print("Nothing has been sorted yet.", file=sys.stderr)
        return
    titles = ("run", "what", "state", "when", "files", "into")
    columns = [Column(title, flexible=title == "into", right=title in ("run", "files")) for title in titles]
    cells = [
        (
            str(row.run),
            row.what,
            row.state,
            row.started_at,
            str(row.files or ""),
            row.into or (f"run {row.undoes}" if row.undoes else ""),
        )
        for row in rows
    ]
    print("\n".join(table(columns, cells)))
