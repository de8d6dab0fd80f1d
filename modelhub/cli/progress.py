"""Progress on the terminal: tqdm bars with rate and time left; on a pipe only the notes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
