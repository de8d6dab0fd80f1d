"""Progress of long work: the protocol that operations report to, and an implementation that reports nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """A running piece of work. `advance` may be called from any thread."""

    def advance(self, amount: int) -> None:
        """Count `amount` more units (bytes or items) as done; negative when work must be repeated."""

    def total(self, amount: int) -> None:
        """Set the expected number of units once it is known."""

    def describe(self, text: str) -> None:
        """Replace the label."""


class Progress(Protocol):
    """A receiver of progress, such as the terminal."""

    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a context in which the work runs; `unit` is "B" for bytes, otherwise a noun such as "files"."""

    def note(self, text: str) -> None:
        """Report an event of the running work in one line, such as a resumed download or a renamed repository."""


class _SilentTask:
    def advance(self, amount: int) -> None:
        pass

    def total(self, amount: int) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class SilentProgress:
    """A Progress that reports nothing (the default)."""

    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        return nullcontext(_SilentTask())

    def note(self, text: str) -> None:
        pass


SILENT: Progress = SilentProgress()
