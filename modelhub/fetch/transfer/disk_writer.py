"""Writing received pieces while the next ones arrive: a connection waits for the disk only when it is far ahead."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelhub.fetch.transfer.blocks import Block

_CLOSING = 30.0  # seconds; a disk that takes longer is not waited for


class DiskWriter:
    """A thread that calls `write` with each block, in order, and then `release`, even after a failure."""

    def __init__(self, write: Callable[[Block], None], release: Callable[[Block], None]) -> None:
        self._write, self._release = write, release
        self._queue: deque[Block] = deque()
        self._queued = 0
        self._changed = threading.Condition()
        self._over = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def put(self, block: Block) -> None:
        """Queue `block`. Raise what writing an earlier one raised."""
        with self._changed:
            if self._error is not None:
                raise self._error
            self._queue.append(block)
            self._queued += block.length
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="write", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, limit: int, check_cancelled: Callable[[], None]) -> None:
        """Wait until at most `limit` bytes are queued. Raise what writing or `check_cancelled` raised."""
        while True:
            with self._changed:
                if self._error is not None:
                    raise self._error
                if self._queued <= limit:
                    return
                self._changed.wait(0.1)
            check_cancelled()

    def close(self) -> bool:
        """Write what is queued and end the thread; return whether it has ended. `error` has what went wrong."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSING)
        return self._thread is None or not self._thread.is_alive()

    @property
    def error(self) -> BaseException | None:
        """The error that ended the writing; blocks after it were not written."""
        return self._error

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._over:
                    self._changed.wait(1.0)
                if not self._queue:
                    return
                block = self._queue.popleft()
            try:
                if self._error is None:
                    self._write(block)
            except BaseException as exc:  # noqa: BLE001 - raised again in `put` and `wait`
                self._error = exc
            with self._changed:
                self._queued -= block.length
                self._changed.notify_all()
            self._release(block)
