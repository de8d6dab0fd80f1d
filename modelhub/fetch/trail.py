"""Hashing a file while it arrives: each digest follows the bytes that are there, through the page cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from modelhub.domain import Hashes
from modelhub.fetch.retry import StoppedError
from modelhub.storage.digests import DataPartSink, Sha256Sink

_READ = 256 << 10  # bytes; stays within a core's own cache
_THREADS_FROM = 4 << 20  # bytes; below it threads cost more than they gain
_BEHIND = 32 << 20  # bytes
_PAUSE = 0.004  # seconds

ReadInto = Callable[[int, memoryview], int]


class _Whole:
    """SHA-256, AutoV1 and BLAKE3 in one: BLAKE3 is so quick that a second read would cost more."""

    def __init__(self) -> None:
        from blake3 import blake3

        self.sha = Sha256Sink()
        self.blake3 = blake3()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Take `data`; whether more is wanted."""
        self.sha.feed(data, offset)
        self.blake3.update(data)
        return True


class _DataPart:
    """AutoV3; ends at once for what is no safetensors file."""

    def __init__(self) -> None:
        self.sink = DataPartSink()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Take `data`; whether more is wanted."""
        self.sink.feed(data, offset)
        return not self.sink.refused


class Trail:
    """Reads behind the writers. `read_into` puts bytes at an offset into a buffer and says how many."""

    def __init__(self, read_into: ReadInto, stop: threading.Event) -> None:
        self._read_into = read_into
        self._stop = stop
        self._whole, self._data_part = _Whole(), _DataPart()
        self._changed = threading.Condition()
        self._there = 0
        self._hashed = 0  # by the slowest thread
        self._complete = False
        self._over = False
        self._error: Exception | None = None
        self._threads: list[threading.Thread] = []

    def reached(self, there: int) -> None:
        """All bytes before `there` are written. From any thread."""
        with self._changed:
            if there <= self._there:
                return
            self._there = there
            self._changed.notify_all()
            if not self._threads and not self._over and self._there >= _THREADS_FROM:
                self._start()

    def wait(self, check: Callable[[], None]) -> None:
        """Until the hashes are not far behind what is written. `check` may raise to stop.

        Nothing is lost by waiting, for the hashes have to be finished anyway, and they read what is still at hand.
        """
        while self._threads and self._there - self._hashed > _BEHIND and self._error is None:
            check()
            time.sleep(_PAUSE)

    def _start(self) -> None:
        for sink in (self._whole, self._data_part):
            thread = threading.Thread(target=self._follow, args=(sink,), name="trail", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, size: int, *, crc32: int) -> Hashes:
        """The hashes of all `size` bytes, of which `crc32` is known. Raises StoppedError, or what reading raised."""
        with self._changed:
            self._there, self._complete = size, True
            threads = list(self._threads)
            self._changed.notify_all()
        if threads:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.1)
        else:
            for sink in (self._whole, self._data_part):
                self._follow(sink)
        if self._error is not None:
            raise self._error
        data_part = self._data_part.sink.sha256
        return Hashes(
            sha256=self._whole.sha.sha256,
            blake3=str(self._whole.blake3.hexdigest()),
            crc32=f"{crc32:08x}",
            autov1=self._whole.sha.autov1,
            autov3=data_part[:12] if data_part else None,
        )

    def abandon(self) -> bool:
        """End the threads; whether they have ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(2.0)
        return not any(thread.is_alive() for thread in self._threads)

    def _follow(self, sink: _Whole | _DataPart) -> None:
        offset, buffer = 0, memoryview(bytearray(_READ))
        try:
            while (there := self._await(offset)) > offset:
                count = self._block(offset, buffer[: there - offset])
                if not sink.feed(buffer[:count], offset):
                    return
                offset += count
                if sink is self._whole:
                    self._hashed = offset
        except Exception as exc:  # noqa: BLE001 - handed to the thread that waits for the result
            self._error = self._error or exc

    def _await(self, offset: int) -> int:
        """How far bytes are there, more than `offset` unless everything was."""
        if offset < self._there:
            return self._there
        with self._changed:
            while offset >= self._there and not self._complete and not self._over:
                self._changed.wait(0.5)
            return self._there

    def _block(self, offset: int, buffer: memoryview) -> int:
        if self._stop.is_set() or self._over:
            raise StoppedError
        count = self._read_into(offset, buffer)
        if not count:
            raise OSError(f"the part file ends at byte {offset}, before what was written to it")
        return count
