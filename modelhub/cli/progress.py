"""Progress on the terminal: tqdm bars with rate and time left; on a pipe only the notes."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from modelhub.progress import SILENT, Task


class TerminalProgress:
    """Implements `modelhub.progress.Progress`."""

    def __init__(self, *, bars: bool) -> None:
        self.bars = bars

    @contextmanager
    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        """A bar on stderr while the work runs."""
        if not self.bars:
            with SILENT.task(label) as silent:
                yield silent
            return
        from tqdm import tqdm

        scale = unit == "B"
        with tqdm(
            total=total,
            desc=label,
            unit=unit if scale else f" {unit}",
            unit_scale=scale,
            unit_divisor=1000,
            dynamic_ncols=True,
            leave=False,
            file=sys.stderr,
            smoothing=0.1,
        ) as bar:
            yield _Bar(bar)

    def note(self, text: str) -> None:
        """A line above the bars."""
        if self.bars:
            from tqdm import tqdm

            tqdm.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr)


class _Bar:
    def __init__(self, bar: Any) -> None:
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
            self._bar.set_description(text)


class JsonProgress:
    """Events, one JSON object a line: plan, start, progress (at most two a second a task), verify, done, note,
    error.

    Every one has `event`; those of a task also `task`, `label`, `unit`, `done`, `total` (null while unknown), and for
    bytes `all_done` and `all_total`, over all files of the plan.
    """

    _EVERY = 0.5  # seconds

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._number = 0
        self.all_done, self.all_total = 0, 0

    def write(self, event: str, **facts: Any) -> None:
        """One line, whole, whichever thread writes it."""
        with self._lock:
            print(json.dumps({"event": event, **facts}), file=self._stream, flush=True)

    @contextmanager
    def task(self, label: str, *, total: int | None = None, unit: str = "B") -> Iterator[Task]:
        """Events while the work runs; the last one says how it ended."""
        with self._lock:
            self._number += 1
            number = self._number
        task = _Events(self, number, label, total, unit)
        task.say("start")
        try:
            yield task
        except BaseException:
            task.say("done", ok=False)
            raise
        task.say("done", ok=True)

    def plan(self, source: str, *, files: int, size: int) -> None:
        """What is going to be brought from a source."""
        with self._lock:
            self.all_done, self.all_total = 0, size
        self.write("plan", source=source, files=files, total=size)

    def note(self, text: str) -> None:
        """A line worth knowing."""
        self.write("note", text=text)


class _Events:
    def __init__(self, writer: JsonProgress, number: int, label: str, total: int | None, unit: str) -> None:
        self._writer = writer
        self._facts: dict[str, Any] = {"task": number, "label": label, "unit": unit, "done": 0, "total": total}
        self._lock = threading.Lock()
        self._since = self._said = time.monotonic()

    def say(self, event: str, **more: Any) -> None:
        with self._lock:
            facts = dict(self._facts)
        if facts["unit"] == "B" and self._writer.all_total:
            facts |= {"all_done": self._writer.all_done, "all_total": self._writer.all_total}
        self._writer.write(event, **facts, **more)

    def advance(self, amount: int) -> None:
        with self._lock:
            self._facts["done"] += amount
            if self._facts["unit"] == "B":
                self._writer.all_done += amount
            now = time.monotonic()
            if now - self._said < JsonProgress._EVERY:
                return
            self._said = now
        self.say("progress", **self._speed(now))

    def _speed(self, now: float) -> dict[str, Any]:
        """Units per second since the start, and seconds left at that speed."""
        rate = self._facts["done"] / max(now - self._since, 1e-9)
        total = self._facts["total"]
        left = (total - self._facts["done"]) / rate if total is not None and rate > 0 else None
        return {"rate": round(rate), "seconds_left": None if left is None else round(left, 1)}

    def total(self, amount: int) -> None:
        with self._lock:
            self._facts["total"] = amount

    def describe(self, text: str) -> None:
        with self._lock:
            if text == self._facts["label"]:
                return
            self._facts["label"] = text
        self.say("verify" if text.startswith("verifying") else "progress")
