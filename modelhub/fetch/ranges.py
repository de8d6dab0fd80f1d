"""Several connections filling one file: pieces handed out in order, more connections only while they bring more."""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from typing import TYPE_CHECKING

from modelhub.errors import NetworkError
from modelhub.fetch import bodies
from modelhub.fetch.growth import Growth
from modelhub.fetch.retry import StartOverError, StoppedError, TryAgainError, backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelhub.fetch.asking import Asker, Body
    from modelhub.fetch.limits import Limits
    from modelhub.fetch.partfile import PartFile
    from modelhub.fetch.trail import Trail
    from modelhub.progress import Progress, Task

_CHUNK = 256 << 10
_TICK = 0.05  # seconds
_PROGRESS_COUNTS = 64 << 10  # bytes; a connection that brought so many did not fail for nothing


class Crew:
    """One attempt at filling `part`. `room` is called with the size once known and may refuse."""

    def __init__(
        self,
        asker: Asker,
        part: PartFile,
        *,
        limits: Limits,
        trail: Trail,
        task: Task,
        progress: Progress,
        room: Callable[[int], None],
    ) -> None:
        self.asker, self.part, self.limits, self.trail = asker, part, limits, trail
        self.task, self.progress, self._room = task, progress, room
        self.fetched = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._next = 0
        self._parallel = False
        self._begun = False
        self._left = threading.Event()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._live: set[Body] = set()
        self._active = 0
        self.target = 1

    def run(self) -> int:
        """Fill the file; its size. Raises what a connection raised: StartOverError, ModelhubError, StoppedError."""
        self._watermark()
        growth = Growth(self.limits.settings.connections)
        self._hire(wait=True)
        try:
            while self._active and self._error is None:
                self.limits.check()
                self._left.wait(_TICK)
                self._left.clear()
                self._grow(growth)
        finally:
            self.over.set()
            self._hang_up()
        if self._error is not None:
            raise self._error
        self.limits.check()
        facts = self.part.facts
        if facts is None or facts.size is None or self.part.held != facts.size:
            raise StartOverError("the transfer ended early", failed=True)
        return facts.size

    def _grow(self, growth: Growth) -> None:
        if not self._parallel:
            return
        self.target = growth.target(self.fetched, time.monotonic())
        left = len(self._missing())
        for _ in range(min(self.target, left) - self._active):
            # A worker that was called off leaves at once: hiring until enough are there would never end.
            if self._error is not None or self.limits.stop.is_set() or not self._hire(wait=False):
                return

    def _hire(self, *, wait: bool) -> bool:
        if not self.limits.take_slot(wait=wait):
            return False
        with self._lock:
            self._active += 1
        thread = threading.Thread(target=self._work, name="transfer", daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _hang_up(self) -> None:
        deadline = time.monotonic() + 2.0
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline:
                with self._lock:
                    live = list(self._live)
                for body in live:
                    _interrupt(body)
                thread.join(0.05)

    @property
    def ended(self) -> bool:
        """Whether no thread of this attempt can touch the file any more."""
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        try:
            Worker(self).run()
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits for the result
            with self._lock:
                self._error = self._error or exc
        finally:
            with self._lock:
                self._active -= 1
            self.limits.give_slot()
            self._left.set()

    def _missing(self) -> list[int]:
        return [index for index in range(self._next, self._count()) if index not in self.part.done]

    def _count(self) -> int:
        size = self.part.facts.size if self.part.facts else None
        return self._next + 1 if size is None else -(-size // self.part.piece_bytes)

    def claim(self) -> int | None:
        """The next piece to fetch, None when there is none or one connection too many is at work."""
        with self._lock:
            if self._parallel and self._active > self.target:
                return None
            while self._next < self._count():
                index, self._next = self._next, self._next + 1
                if index not in self.part.done:
                    return index
            return None

    def opened(self, body: Body) -> None:
        """The first answer of this attempt: what is being fetched."""
        facts = body.facts
        self._begun = True
        if self.part.facts is not None:
            self._parallel = body.ranged
            return
        if facts.size is not None:
            self._room(facts.size)
            self.task.total(facts.size)
        self.part.begin(facts)
        remote = self.asker.remote
        proven = bool(facts.etag or remote.sha256 or remote.git_sha1)
        self._parallel = body.ranged and facts.size is not None and proven

    @property
    def single(self) -> bool:
        """Whether the file can only come in one answer, so that a broken one is worth nothing."""
        return self._begun and not self._parallel

    @property
    def resumable(self) -> bool:
        """Whether bytes from two answers may be put together."""
        return self._parallel

    def got(self, amount: int) -> None:
        """So many new bytes are written."""
        with self._lock:
            self.fetched += amount
        self.task.advance(amount)

    def completed(self, index: int, length: int, crc: int) -> None:
        """A piece is written."""
        self.part.finished(index, length, crc)
        self._watermark()

    def _watermark(self) -> None:
        index = 0
        with self._lock:
            done = self.part.done
            while index in done:
                index += 1
            there = 0 if index == 0 else (index - 1) * self.part.piece_bytes + done[index - 1][0]
        self.trail.reached(there)

    @contextlib.contextmanager
    def listening(self, body: Body) -> Iterator[None]:
        """While the block runs, `body` is interrupted when the attempt ends."""
        with self._lock:
            self._live.add(body)
        try:
            yield
        finally:
            with self._lock:
                self._live.discard(body)


def _interrupt(body: Body) -> None:
    import socket

    connection = getattr(body.response.raw, "connection", None)
    line = getattr(connection, "sock", None)
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class Worker:
    """One connection: takes pieces until none is left."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._body: Body | None = None
        self._at = 0  # the file offset that the open body is at
        self._failures = 0

    def run(self) -> None:
        """Work until no piece is left. Raises what cannot be tried again."""
        try:
            while (index := self._crew.claim()) is not None:
                self._piece(index)
        finally:
            self._drop()

    def _piece(self, index: int) -> None:
        part = self._crew.part
        start = offset = index * part.piece_bytes
        crc = 0
        while True:
            before = offset
            try:
                self._open(offset, index)
                end = start + part.length_of(index)
                for data in self._data(offset, end):
                    part.write_at(offset, data)
                    crc = zlib.crc32(data, crc)
                    offset += len(data)
                    self._crew.got(len(data))
                if offset == end or self._crew.single:
                    break
            except TryAgainError as exc:
                self._drop()
                if self._crew.single:
                    raise StartOverError(exc.reason, failed=True) from None
                self._wait(exc, offset - before)
        if offset > start or part.facts is None:
            self._crew.completed(index, offset - start, crc)

    def _wait(self, error: TryAgainError, brought: int) -> None:
        settings = self._crew.limits.settings
        self._failures = 1 if brought >= _PROGRESS_COUNTS else self._failures + 1
        wait = max(error.wait or 0.0, backoff(self._failures, settings.backoff_seconds))
        self._crew.asker.give_up(error, self._failures, wait)
        if error.wait or self._failures > 1:
            self._crew.progress.note(f"{self._crew.asker.remote.name}: {error.reason}; trying again in {wait:.0f} s")
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            self._check()
            self._crew.limits.sleep(min(left, 0.1))

    def _open(self, offset: int, index: int) -> None:
        if self._body is not None and self._at == offset:
            return
        self._drop()
        crew = self._crew
        first = crew.part.facts is None
        alone = first or not crew.resumable or crew.limits.settings.connections == 1
        end = None if alone else index * crew.part.piece_bytes + crew.part.length_of(index)
        self._check()
        body = crew.asker.open(offset, end, crew.part.facts)
        self._body, self._at = body, offset
        if first or not crew.resumable:
            crew.opened(body)

    def _data(self, offset: int, end: int) -> Iterator[bytes]:
        """The bytes from `offset` to `end`, in chunks; of an unknown size fewer, then the size is known after."""
        body, crew = self._body, self._crew
        assert body is not None
        with crew.listening(body):
            pace = _Pace(crew.limits.settings.stall_seconds, crew.limits.settings.minimum_rate)
            held = b""
            looking = offset == 0
            while self._at < end:
                self._check()
                data = body.read(min(_CHUNK, end - self._at))
                self._check()
                if not data:
                    break
                self._at += len(data)
                pace.count(len(data), crew.limits.throttle(len(data)))
                if looking:
                    held += data
                    if len(held) < bodies.LOOK and self._at < end:
                        continue
                    looking, data = False, held
                    self._look(data)
                yield data
            if looking and held:
                self._look(held)
                yield held
            self._ended(body, end)

    def _look(self, start: bytes) -> None:
        bodies.refuse_pages(start[:8192], self._crew.asker.remote.name, self._crew.asker.shown)

    def _ended(self, body: Body, end: int) -> None:
        facts = self._crew.part.facts
        if facts is not None and facts.size is None:
            self._ended_unknown(end)
            return
        if self._at < end and (self._at != body.end or self._crew.single):
            raise TryAgainError("the connection broke off early")
        if self._at == (body.end if body.end is not None else (facts.size if facts else None)):
            longer = body.has_more()
            self._body = None
            if longer:
                body.close()
                raise too_long(self._crew.asker, self._at)

    def _ended_unknown(self, end: int) -> None:
        from dataclasses import replace

        crew = self._crew
        wanted = crew.asker.remote.size
        if wanted is not None and self._at > wanted:
            raise too_long(crew.asker, wanted)
        if self._at >= end:
            return
        if wanted is not None and self._at < wanted:
            raise TryAgainError("the connection broke off early")
        self._drop()
        assert crew.part.facts is not None
        crew.part.cut(self._at)
        crew.part.facts = replace(crew.part.facts, size=self._at)

    def _check(self) -> None:
        self._crew.limits.check()
        if self._crew.over.is_set():
            raise StoppedError

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def too_long(asker: Asker, promised: int) -> NetworkError:
    """The error for a body that goes on behind its promised end."""
    return NetworkError(
        f"{asker.shown} sends more than the {promised:,} bytes promised for {asker.remote.name}.",
        "The file may have been replaced; try again later or ask its publisher.",
    )


class _Pace:
    """Tells a connection that drips: below the minimum rate on average over the stall time."""

    def __init__(self, seconds: float, rate: int) -> None:
        self._seconds, self._rate = seconds, rate
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, amount: int, paused: float) -> None:
        """`amount` bytes came; `paused` seconds were our own waiting. Raises TryAgainError."""
        self._bytes += amount
        self._since += paused
        elapsed = time.monotonic() - self._since
        if elapsed < self._seconds:
            return
        if self._bytes < self._rate * elapsed:
            raise TryAgainError(f"only {self._bytes} bytes came in {elapsed:.0f} s")
        self._since, self._bytes = time.monotonic(), 0
