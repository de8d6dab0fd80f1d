"""How many connections to keep: one at first, four times as many while throughput grows, a step back when not.

A step that seemed to bring nothing is proved by measuring the smaller number once more: many servers give an answer a
quick start and slow it down later, so that what was measured before a step may have been too good.
"""

from __future__ import annotations

_FACTOR = 8
_WINDOW = 0.1  # seconds of measuring before each decision; twice as long after each vain try, for servers that limit
_LONGEST_WINDOW = 1.6  # … a connection send in lumps, of which a short window may see none
_REST = 1.0  # seconds until more are tried again; twice as long after each vain try
_LONGEST_REST = 8.0
_GAIN = 1.15  # a step that brings less than this was not worth it
_ENOUGH = 400e6  # bytes a second; from here on hashing and the disk are what takes time, and more only disturbs them


class ConnectionScaler:
    """Measures one transfer. `most`: connections allowed."""

    def __init__(self, most: int) -> None:
        self._steps = [1]
        while self._steps[-1] < most:
            self._steps.append(min(most, self._steps[-1] * _FACTOR))
        self._step = 0
        self._best = 0.0  # bytes a second at the step before
        self._tried: float | None = None  # what the step brought that is being proved
        self._since: float | None = None
        self._from = 0
        self._rest, self._window = _REST, _WINDOW
        self._again = 0.0
        self._resting = False
        self._warm = False  # the first window sees nothing but the quick start

    def target(self, fetched: int, now: float, *, steady: bool = True) -> int:
        """How many connections there should be, `fetched` bytes in all having come by the time `now` (seconds).

        `steady`: all of them have begun to bring something, and none is on its way out.
        """
        if (self._step == len(self._steps) - 1 and self._resting) or now < self._again:
            return self._steps[self._step]
        if self._resting:
            self._resting, self._best, self._since = False, 0.0, None
        if self._since is None or not steady or fetched == 0:
            self._since, self._from = now, fetched
        elif now - self._since >= self._window:
            if self._warm:
                self._decide((fetched - self._from) / (now - self._since), now)
            self._warm, self._since = True, None
        return self._steps[self._step]

    def _decide(self, rate: float, now: float) -> None:
        if self._tried is not None:
            worth = self._tried >= rate * _GAIN
            self._tried, self._best = None, 0.0
            if worth:
                self._step += 1
            else:
                self._settle(now)
        elif rate >= self._best * _GAIN and rate > 0:
            self._best = rate
            if self._step == len(self._steps) - 1:
                self._resting = True
            elif rate >= _ENOUGH:
                self._resting, self._again = True, now + _REST
            else:
                self._step += 1
        elif self._step and self._best:
            self._tried = rate
            self._step -= 1
        else:
            self._settle(now)

    def _settle(self, now: float) -> None:
        self._resting, self._again = True, now + self._rest
        self._rest = min(_LONGEST_REST, self._rest * 2)
        self._window = min(_LONGEST_WINDOW, self._window * 2)
