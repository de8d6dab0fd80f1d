"""Writing through to the disk while the file still arrives: little is lost with the power, and the end is quick."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REST = 0.05  # seconds between two write-throughs while writers are not far ahead; each one makes the disk commit


class DiskFlusher:
    """Calls `sync` in a thread of its own after written pieces, several at a time when they come fast."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._most = 0
        self._pending = 0
        self._changed = threading.Condition()
        self._over = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def wrote(self, amount: int) -> None:
        """A piece of so many bytes is written, but not yet through to the disk."""
        with self._changed:
            self._pending += amount
            if self._thread is None and not self._over:
                self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, most: int, check: Callable[[], None]) -> None:
        """Until no more than `most` bytes wait for the disk. `check` may raise to stop; raises what `sync` raised."""
        self._most = most
        while True:
            with self._changed:
                if self._error is not None:
                    raise self._error
                if self._pending <= most or self._over:
                    return
                self._changed.wait(0.1)
            check()

    def close(self) -> bool:
        """End the thread; whether it has ended. A write-through that is under way is waited for."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(30.0)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._over:
                    self._changed.wait(1.0)
                if self._over:
                    return
                taken = self._pending
            try:
                self._sync()
            except Exception as exc:  # noqa: BLE001 - handed to the writers
                self._error = exc
                return
            with self._changed:
                self._pending -= taken
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._over or self._pending > self._most // 2, _REST)
