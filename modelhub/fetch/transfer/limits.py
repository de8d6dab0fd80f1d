"""Bounds on transfers: the settings, the connections and bytes per second that all files share, and cancellation."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from modelhub.fetch.http.retry import CancelledError

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSettings:
    """Settings of transfers. Times in seconds, sizes in bytes, rates in bytes per second.

    `connections`: most at once, over all files. `limit_rate`: 0 means unlimited. `stall_seconds`: a connection that
    brings nothing, or less than `minimum_rate` on average, for this long is opened again. `retries`: failures in a row
    without progress before giving up. `longest_wait`: the longest pause accepted from a server. `request_bytes`: size
    of one range request, made of pieces of `piece_bytes`, which are journaled one by one.
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
    """The limits that all transfers of one call share, and its cancellation flag. All methods are thread-safe."""

    def __init__(self, settings: TransferSettings) -> None:
        self.settings = settings
        self.cancelled = threading.Event()
        self._slots = threading.Semaphore(max(1, settings.connections))
        self._lock = threading.Lock()
        self._free_at = 0.0

    def acquire_slot(self, *, wait: bool) -> bool:
        """Take the slot of one connection and return whether there was one.

        With `wait`, block until there is one; raise CancelledError then.
        """
        if not wait:
            return self._slots.acquire(blocking=False)
        while not self._slots.acquire(timeout=0.1):
            self.check_cancelled()
        return True

    def release_slot(self) -> None:
        """Give back a slot."""
        self._slots.release()

    def check_cancelled(self) -> None:
        """Raise CancelledError once the transfer has been cancelled."""
        if self.cancelled.is_set():
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Sleep; raise CancelledError as soon as the transfer is cancelled."""
        if self.cancelled.wait(seconds):
            raise CancelledError

    def throttle(self, amount: int) -> float:
        """Wait until `amount` more bytes are within the rate limit; return how many seconds that took."""
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
