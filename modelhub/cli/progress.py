"""Progress on the terminal: bars with rate and time left, only notes on a pipe, or events as JSON lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from modelhub.cli.screen.terminal import print_lines
from modelhub.language import translate
from modelhub.printable import printable
from modelhub.progress import SILENT, Task

if TYPE_CHECKING:
    from modelhub.cli.screen.bars import TerminalBar
    from modelhub.documents.document import Document
    from modelhub.documents.events import TaskEvent


class ProgressForm(StrEnum):
    """A form of progress: bars on a terminal, none, or events as JSON lines."""

    BARS = "bars"
    NONE = "none"
    JSON = "json"


class TerminalProgress:
    """A `modelhub.progress.Progress` with bars on stderr, or with notes only."""

    def __init__(self, *, bars: bool) -> None:
        self.bars = bars

    @contextmanager
    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        """Show a progress bar on stderr."""
        if not self.bars:
            with SILENT.task(label) as silent:
                yield silent
            return
        from modelhub.cli.screen.bars import TerminalBar

        with TerminalBar(printable(translate(label)), total=total, unit=unit) as bar:
            yield _Bar(bar)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        print_lines(printable(translate(text)), indent=None if text.startswith(" ") else 0, error=True)


class _Bar:
    """A bar that several threads may advance."""

    def __init__(self, bar: TerminalBar) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._bar.update(amount)

    def total(self, amount: int) -> None:
        with self._lock:
            self._bar.total = amount
            self._bar.refresh()

    def describe(self, text: str) -> None:
        with self._lock:
            self._bar.label = printable(translate(text))
            self._bar.refresh()


class JsonProgress:
    """A `modelhub.progress.Progress` that writes the events of `modelhub.documents.events`, one per line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._number = 0
        self.all_done, self.all_total = 0, 0

    def write(self, event: Document) -> None:
        """Write one complete line, whichever thread it comes from."""
        from modelhub.documents.document import to_text

        with self._lock:
            print(to_text(event), file=self._stream, flush=True)

    @contextmanager
    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        """Write events while the work runs; the last one states whether it succeeded."""
        with self._lock:
            self._number += 1
            number = self._number
        task = _EventTask(self, number, label, total, unit)
        task.start()
        try:
            yield task
        except BaseException:
            task.done(ok=False)
            raise
        task.done(ok=True)

    def plan(self, source: str, *, files: int, size: int) -> None:
        """Write how much will be obtained from a source."""
        from modelhub.documents.events import PlanEvent

        with self._lock:
            self.all_done, self.all_total = 0, size
        self.write(PlanEvent(source=source, files=files, total=size))

    def note(self, text: str) -> None:
        """Write a message for the user."""
        from modelhub.documents.events import NoteEvent

        self.write(NoteEvent(text=text))

    def error(self, message: str, *, hint: str, exit_code: int) -> None:
        """Write a failure."""
        from modelhub.documents.events import ErrorEvent

        self.write(ErrorEvent(message=message, hint=hint, exit_code=exit_code))


class _EventTask:
    """A task of `JsonProgress`; it writes at most one progress event in `_INTERVAL` seconds."""

    _INTERVAL = 0.5

    def __init__(self, writer: JsonProgress, number: int, label: str, total: int | None, unit: str) -> None:
        self._writer = writer
        self._number, self._label, self._unit = number, label, unit
        self._done, self._total = 0, total
        self._lock = threading.Lock()
        self._started = self._written = time.monotonic()

    def start(self) -> None:
        from modelhub.documents.events import StartEvent

        self._write(StartEvent)

    def done(self, *, ok: bool) -> None:
        from modelhub.documents.events import DoneEvent

        self._write(DoneEvent, ok=ok)

    def advance(self, amount: int) -> None:
        from modelhub.documents.events import ProgressEvent

        with self._lock:
            self._done += amount
            if self._unit == "B":
                self._writer.all_done += amount
            now = time.monotonic()
            if now - self._written < self._INTERVAL:
                return
            self._written = now
        rate = self._done / max(now - self._started, 1e-9)
        left = (self._total - self._done) / rate if self._total is not None and rate > 0 else None
        self._write(ProgressEvent, rate=round(rate), seconds_left=None if left is None else round(left, 1))

    def total(self, amount: int) -> None:
        with self._lock:
            self._total = amount

    def describe(self, text: str) -> None:
        from modelhub.documents.events import ProgressEvent, VerifyEvent

        with self._lock:
            if text == self._label:
                return
            self._label = text
        self._write(VerifyEvent if text.startswith("verifying") else ProgressEvent)

    def _write(self, kind: type[TaskEvent], **fields: Any) -> None:
        writer = self._writer
        has_sum = self._unit == "B" and bool(writer.all_total)
        with self._lock:
            event = kind(
                task=self._number,
                label=self._label,
                unit=self._unit,
                done=self._done,
                total=self._total,
                all_done=writer.all_done if has_sum else None,
                all_total=writer.all_total if has_sum else None,
                **fields,
            )
        writer.write(event)
