"""Hashing a file while it arrives: each digest follows the bytes that are there, through the page cache."""

from __future__ import annotations

import threading
from collections.abc import Callable

from modelhub.domain import Hashes
from modelhub.fetch.retry import StoppedError
from modelhub.storage.digests import AllDigests, Sink

_READ = 1 << 20
_THREADS_FROM = 16 << 20  # bytes; below it threads cost more than they gain

Read = Callable[[int, int], bytes]


class Trail:
    """Reads behind the writers. `read` gives up to so many bytes at an offset."""

    def __init__(self, read: Read, stop: threading.Event) -> None:
        self._read = read
        self._stop = stop
        self._digests = AllDigests()
        self._changed = threading.Condition()
        self._there = 0
        self._complete = False
        self._over = False
        self._error: Exception | None = None
        self._threads: list[threading.Thread] = []

    def reached(self, there: int) -> None:
        """All bytes before `there` are written. From any thread."""
        with self._changed:
            self._there = max(self._there, there)
            self._changed.notify_all()
            if not self._threads and not self._over and self._there >= _THREADS_FROM:
                self._start()

    def _start(self) -> None:
        for sink in self._digests.sinks:
            thread = threading.Thread(target=self._follow, args=(sink,), name="trail", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, size: int) -> Hashes:
        """The hashes of all `size` bytes. Raises StoppedError, or what reading raised."""
        with self._changed:
            self._there, self._complete = size, True
            threads = list(self._threads)
            self._changed.notify_all()
        if threads:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.1)
        else:
            self._all_at_once()
        if self._error is not None:
            raise self._error
        return self._digests.hashes()

    def abandon(self) -> bool:
        """End the threads; whether they have ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(2.0)
        return not any(thread.is_alive() for thread in self._threads)

    def _all_at_once(self) -> None:
        offset = 0
        while offset < self._there:
            data = self._block(offset)
            for sink in self._digests.sinks:
                sink.feed(memoryview(data), offset)
            offset += len(data)

    def _follow(self, sink: Sink) -> None:
        offset = 0
        try:
            while True:
                with self._changed:
                    while offset >= self._there and not self._complete and not self._over:
                        self._changed.wait(0.5)
                    if offset >= self._there and self._complete:
                        return
                data = self._block(offset)
                sink.feed(memoryview(data), offset)
                offset += len(data)
        except Exception as exc:  # noqa: BLE001 - handed to the thread that waits for the result
            self._error = self._error or exc

    def _block(self, offset: int) -> bytes:
        if self._stop.is_set() or self._over:
            raise StoppedError
        data = self._read(offset, min(_READ, self._there - offset))
        if not data:
            raise OSError(f"the part file ends at byte {offset}, before what was written to it")
        return data
