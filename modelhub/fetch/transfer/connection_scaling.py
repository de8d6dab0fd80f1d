"""The number of connections to open: one at first, `_FACTOR` times as many while throughput grows, else a step back.

A step that seemed to gain nothing is tested by measuring the smaller number again: many servers start a response fast
and slow it down later, so that the rate before a step may have been too good.
"""

from __future__ import annotations

_FACTOR = 8
_WINDOW = 0.1  # seconds of measuring before a decision; doubled after each step without a gain, because servers that …
_LONGEST_WINDOW = 1.6  # … limit a connection send in bursts, which a short window may miss
_REST = 1.0  # seconds until more connections are tried again; doubled after each step without a gain
_LONGEST_REST = 8.0
_GAIN = 1.15  # a step must raise the rate by this factor
_ENOUGH = 400e6  # bytes a second; above this rate, hashing and the disk take the time: more connections only slow them


class ConnectionScaler:
    """The decision, from measured throughput, how many connections one transfer opens; at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._steps = [1]
        while self._steps[-1] < limit:
            self._steps.append(min(limit, self._steps[-1] * _FACTOR))
        self._step = 0
        self._best = 0.0  # bytes a second at the step before
        self._doubted: float | None = None  # bytes a second of the step that is being tested against the one below
        self._since: float | None = None
        self._from = 0
        self._rest, self._window = _REST, _WINDOW
        self._next_try = 0.0
        self._resting = False
        self._warm = False  # the first window measures nothing but the fast start

    def target(self, received: int, now: float, *, steady: bool = True) -> int:
        """Return how many connections there should be at the time `now` (seconds), with `received` bytes in all.

        `steady`: all connections have received something and none is about to close.
        """
        if (self._step == len(self._steps) - 1 and self._resting) or now < self._next_try:
            return self._steps[self._step]
        if self._resting:
            self._resting, self._best, self._since = False, 0.0, None
        if self._since is None or not steady or received == 0:
            self._since, self._from = now, received
        elif now - self._since >= self._window:
            if self._warm:
                self._decide((received - self._from) / (now - self._since), now)
            self._warm, self._since = True, None
        return self._steps[self._step]

    def _decide(self, rate: float, now: float) -> None:
        if self._doubted is not None:
            has_gained = self._doubted >= rate * _GAIN
            self._doubted, self._best = None, 0.0
            if has_gained:
                self._step += 1
            else:
                self._settle(now)
        elif rate >= self._best * _GAIN and rate > 0:
            self._best = rate
            if self._step == len(self._steps) - 1:
                self._resting = True
            elif rate >= _ENOUGH:
                self._resting, self._next_try = True, now + _REST
            else:
                self._step += 1
        elif self._step and self._best:
            self._doubted = rate
            self._step -= 1
        else:
            self._settle(now)

    def _settle(self, now: float) -> None:
        self._resting, self._next_try = True, now + self._rest
        self._rest = min(_LONGEST_REST, self._rest * 2)
        self._window = min(_LONGEST_WINDOW, self._window * 2)
