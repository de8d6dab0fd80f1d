"""The events of `--progress json`: one JSON object per line, told apart by `event`."""

from __future__ import annotations

from modelhub.documents.document import Document


class PlanEvent(Document, frozen=True, kw_only=True, tag_field="event", tag="plan"):
    """The number of files that will be obtained from a source, and their bytes together."""

    source: str
    files: int
    total: int


class TaskEvent(Document, frozen=True, kw_only=True):
    """The state of one task. `total` is None while it is unknown.

    For bytes, `all_done` and `all_total` cover all files of the plan. `rate` is in units per second.
    """

    task: int
    label: str
    unit: str
    done: int
    total: int | None
    all_done: int | None = None
    all_total: int | None = None
    rate: int | None = None
    seconds_left: float | None = None


class StartEvent(TaskEvent, frozen=True, kw_only=True, tag_field="event", tag="start"):
    """A task that begins."""


class ProgressEvent(TaskEvent, frozen=True, kw_only=True, tag_field="event", tag="progress"):
    """A task that has advanced or has another label."""


class VerifyEvent(TaskEvent, frozen=True, kw_only=True, tag_field="event", tag="verify"):
    """A download that is complete and is verified now."""


class DoneEvent(TaskEvent, frozen=True, kw_only=True, tag_field="event", tag="done"):
    """A task that has ended. `ok` is false after an error."""

    ok: bool


class NoteEvent(Document, frozen=True, kw_only=True, tag_field="event", tag="note"):
    """A message for the user."""

    text: str


class ErrorEvent(Document, frozen=True, kw_only=True, tag_field="event", tag="error"):
    """A failure, with what to do and the exit code."""

    message: str
    hint: str
    exit_code: int
