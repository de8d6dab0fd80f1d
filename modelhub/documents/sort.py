"""The documents of `sort`, `undo` and `history`."""

from __future__ import annotations

from modelhub.documents.document import Document, ObjectDocument


class MoveDocument(Document, frozen=True, kw_only=True):
    """A model that was sorted, or would be: moved, copied or linked, as the mode states. `size` is in bytes."""

    source: str
    target: str
    type: str
    size: int


class TrashedDocument(Document, frozen=True, kw_only=True):
    """A duplicate that was moved to the trash, or would be, and the file with the same content."""

    source: str
    same_as: str


class LeftInPlaceDocument(Document, frozen=True, kw_only=True):
    """A file that is left in place. `reason` is the same for all of a kind; `words` are sentences for people."""

    path: str
    reason: str
    words: str
    needs_you: bool


class SortDocument(ObjectDocument, frozen=True, kw_only=True):
    """A sort, or the plan of one. `run` is what `undo` takes, None when nothing was done."""

    run: int | None
    layout: str
    into: str
    mode: str
    moves: tuple[MoveDocument, ...]
    duplicates: tuple[TrashedDocument, ...]
    stays: tuple[LeftInPlaceDocument, ...]


class RegistrationDocument(ObjectDocument, frozen=True, kw_only=True):
    """A sort for a UI that registers models where they are: the paths that are new to it, and those that are not."""

    server: str
    registered: tuple[str, ...]
    known: tuple[str, ...]
    stays: tuple[LeftInPlaceDocument, ...]


class UndoneFileDocument(Document, frozen=True, kw_only=True):
    """A file that an undo moved, or deleted (`action` "unlink"; `target` is then its original)."""

    source: str
    target: str
    action: str


class RefusalDocument(Document, frozen=True, kw_only=True):
    """A file that could not be restored, and why."""

    path: str
    words: str


class UndoDocument(ObjectDocument, frozen=True, kw_only=True):
    """The undo of the run `undone`. `run` is what undoes the undo, None when nothing was done."""

    undone: int
    run: int | None
    files: tuple[UndoneFileDocument, ...]
    refused: tuple[RefusalDocument, ...]


class RunDocument(Document, frozen=True, kw_only=True):
    """A run in the history. `started_at` is in UTC, to the minute.

    `into` is the target of a sort, "" for an undo; `undoes` is the run that an undo undid, None for a sort.
    """

    run: int
    what: str
    state: str
    started_at: str
    files: int
    into: str
    layout: str | None
    mode: str | None
    undoes: int | None
