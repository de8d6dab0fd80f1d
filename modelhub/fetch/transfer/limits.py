"""What bounds transfers: the settings, the connections and bytes per second shared by all files, and the stop sign."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from modelhub.fetch.transfer.retry import CancelledError

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSettings:
    """How bytes are moved. Times in seconds, rates in bytes per second.

    `connections`: most at once, over all files. `limit_rate`: 0 is no limit. `stall_seconds`: without a byte, or
    below `minimum_rate` on average, for so long, a connection is opened anew. `retries`: tries in a row that bring
    nothing before giving up. `longest_wait`: a server that asks for more patience than this is given up.
    `request_bytes`: asked for at once, in pieces of `piece_bytes` that are each noted as done.
    """

    connections: int = 8
    limit_rate: int = 0
    stall_seconds: float = 60.0
    retries: int = 6
    connect_seconds: float = 20.0
    minimum_rate: int = 1024
    backoff_seconds: float = 0.5
    longest_wait: float = 300.0
    request_bytes: int = 8 * MIB
    piece_bytes: int = 2 * MIB
    files_at_once: int = 4


class TransferLimits:
    """Shared by all transfers of one call; every method may be called from any thread."""

    def __init__(self, settings: TransferSettings) -> None:
        self.settings = settings
        self.cancelled = threading.Event()
        self._slots = threading.Semaphore(max(1, settings.connections))
        self._lock = threading.Lock()
        self._free_at = 0.0

    def acquire_slot(self, *, wait: bool) -> bool:
        """A connection's slot; without `wait` False where none is free. Raises CancelledError."""
        if not wait:
            return self._slots.acquire(blocking=False)
        while not self._slots.acquire(timeout=0.1):
            self.check_cancelled()
        return True

    def release_slot(self) -> None:
        """Hand a slot back."""
        self._slots.release()

    def check_cancelled(self) -> None:
        """Raise CancelledError once the work was called off."""
        if self.cancelled.is_set():
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise CancelledError as soon as the work is called off."""
        if self.cancelled.wait(seconds):
            raise CancelledError

    def throttle(self, amount: int) -> float:
        """Wait until `amount` more bytes are within the rate limit; how long that took."""
        rate = self.settings.limit_rate
        if not rate:
            return 0.0
        with self._lock:
            now = time.monotonic()
            start = max(self._free_at, now)
            self._free_at = start + amount / rate
        pause = start - now
        if pause > 0:
            self.sleep(pause)
        return pause
