"""The pieces of a file that are still to be fetched, handed out in order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelhub.fetch.transfer.part_file import PartFile

_ALONE = 8  # a single connection requests this many times as much at once: each request costs it milliseconds


class PieceQueue:
    """A queue of the pieces that `part` lacks, handed out in ranges. Thread-safe.

    `expected_size` is used until the server has stated the size; `request_bytes` is the size of one request.
    """

    def __init__(self, part: PartFile, *, expected_size: int | None, request_bytes: int) -> None:
        self._part = part
        self._expected_size = expected_size
        self._pieces_per_request = max(1, request_bytes // part.piece_bytes)
        self._lock = threading.Lock()
        self._next = 0
        self._returned = range(0)

    def count_missing(self) -> int:
        """Return how many pieces nobody has claimed yet."""
        with self._lock:
            left = [*self._returned, *range(self._next, self._count())]
            return sum(index not in self._part.done for index in left)

    def claim(self, connections: int) -> range | None:
        """Return the next pieces for one of so many connections, None when none are left."""
        with self._lock:
            if self._returned:
                returned = self._returned
                self._returned = returned[self._claim_size(len(returned), connections) :]
                return returned[: len(returned) - len(self._returned)]
            count, done = max(self._count(), 1), self._part.done
            while self._next < count and self._next in done:
                self._next += 1
            start = stop = self._next
            limit = min(count, start + self._claim_size(count - start, connections))
            while stop < limit and stop not in done:
                stop += 1
            self._next = stop
            return range(start, stop) if stop > start else None

    def take_back(self, rest: range, connections: int) -> bool:
        """Take back pieces that a connection claimed while it was alone; return whether they were taken.

        Otherwise the hashers would wait for that connection, while the others are far ahead.
        """
        with self._lock:
            is_taken = connections > 1 and not self._returned and len(rest) > self._pieces_per_request
            if is_taken:
                self._returned = rest
            return is_taken

    def _count(self) -> int:
        size = self._part.facts.size if self._part.facts else self._expected_size
        return self._next + 1 if size is None else -(-size // self._part.piece_bytes)

    def _claim_size(self, left: int, connections: int) -> int:
        """Return how many of `left` pieces to claim: fewer towards the end, so that connections end together."""
        limit = self._pieces_per_request * (_ALONE if connections == 1 else 1)
        return max(1, min(limit, left // (2 * max(1, connections))))
