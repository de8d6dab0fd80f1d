"""How many connections to keep: a few at first, doubled while throughput grows, one step back when it does not."""

from __future__ import annotations

_FIRST = 2  # connections to begin with
_WINDOW = 0.1  # seconds of measuring before each decision
_REST = 1.0  # seconds until more are tried again: many servers give each answer a quick start and slow down later
_GAIN = 1.15  # a doubling that brings less than this was not worth it


class Growth:
    """Measures one transfer. `most`: connections allowed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = min(most, _FIRST)
        self._best = 0.0
        self._since: float | None = None
        self._from = 0
        self._settled = most <= 1
        self._again = 0.0

    def target(self, fetched: int, now: float) -> int:
        """How many connections there should be, `fetched` bytes in all having come by the time `now` (seconds)."""
        if self._settled and (self._now >= self._most or now < self._again):
            return self._now
        if self._settled:
            self._settled, self._best, self._since = False, 0.0, None
        if self._since is None or fetched == 0:
            self._since, self._from = now, fetched
            return self._now
        if now - self._since < _WINDOW:
            return self._now
        rate = (fetched - self._from) / (now - self._since)
        if rate >= self._best * _GAIN and rate > 0:
            self._best = rate
            self._settled = self._now >= self._most
            self._now = min(self._most, self._now * 2)
        else:
            self._now = max(1, self._now // 2)
            self._settled, self._again = True, now + _REST
        self._since, self._from = now, fetched
        return self._now
