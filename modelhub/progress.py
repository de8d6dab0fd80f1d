"""What long work tells whoever watches: a protocol, and a watcher that says nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One running piece of work. `advance` may be called from any thread."""

    def advance(self, amount: int) -> None:
        """Count `amount` more units (bytes or items) as done; negative when work has to be done again."""

    def total(self, amount: int) -> None:
        """Set the expected number of units once it is known."""

    def describe(self, text: str) -> None:
        """Replace the words in front of the bar."""


class Progress(Protocol):
    """Opens tasks. The terminal, a test, or nobody may be behind it."""

    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        """A context in which the work runs; `unit` is "B" for bytes, else a noun such as "files"."""

    def note(self, text: str) -> None:
        """One line worth knowing while work goes on (a resumed download, a renamed repository)."""


class _SilentTask:
    def advance(self, amount: int) -> None:
        pass

    def total(self, amount: int) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class SilentProgress:
    """The default: nobody watches."""

    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        return nullcontext(_SilentTask())

    def note(self, text: str) -> None:
        pass


SILENT: Progress = SilentProgress()
