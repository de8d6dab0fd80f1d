"""Flushing to the disk while the file is still downloading: a power cut costs little, and the end comes quickly."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REST = 0.05  # seconds between two flushes while writers are not far ahead; each flush makes the disk commit
_CLOSING = 30.0  # seconds that `close` waits for a flush


class DiskFlusher:
    """A thread that calls `flush` after pieces were written, once for several when they come fast."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._limit = 0
        self._pending = 0
        self._changed = threading.Condition()
        self._over = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def written(self, amount: int) -> None:
        """Count `amount` bytes as written but not yet flushed."""
        with self._changed:
            self._pending += amount
            if self._thread is None and not self._over:
                self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, limit: int, check_cancelled: Callable[[], None]) -> None:
        """Wait until at most `limit` bytes are unflushed. Raise what `flush` or `check_cancelled` raised."""
        self._limit = limit
        while True:
            with self._changed:
                if self._error is not None:
                    raise self._error
                if self._pending <= limit or self._over:
                    return
                self._changed.wait(0.1)
            check_cancelled()

    def close(self) -> bool:
        """End the thread after the flush that is under way; return whether it has ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSING)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._over:
                    self._changed.wait(1.0)
                if self._over:
                    return
                amount = self._pending
            try:
                self._flush()
            except Exception as exc:  # noqa: BLE001 - raised again in `wait`
                self._error = exc
                return
            with self._changed:
                self._pending -= amount
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._over or self._pending > self._limit // 2, _REST)
