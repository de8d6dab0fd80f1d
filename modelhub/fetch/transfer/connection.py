"""One connection of a transfer: takes pieces, reads bodies, tries again, until nothing is left to take."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from modelhub.errors import NetworkError
from modelhub.fetch.transfer import error_pages
from modelhub.fetch.transfer.retry import CancelledError, RestartError, RetryableError, backoff
from modelhub.storage.crc import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelhub.fetch.transfer.blocks import Block
    from modelhub.fetch.transfer.coordinator import DownloadCoordinator
    from modelhub.fetch.transfer.range_client import RangeClient, RangeResponse

_CHUNK = 256 << 10  # bytes looked at at once
_SMALLEST = 4 << 10  # bytes read at once under the lowest rate limit
_SHOWN_EVERY = 0.2  # seconds; a slow connection's bytes are counted so often
_PROGRESS_COUNTS = 64 << 10  # bytes; a connection that brought so many did not fail for nothing


class Connection:
    """One connection: takes pieces until none is left."""

    def __init__(self, coordinator: DownloadCoordinator) -> None:
        self._coordinator = coordinator
        self._body: RangeResponse | None = None
        self._at = 0  # the file offset that the open body is at
        self._failures = 0
        self._pace = _Pace(0.0, 0)
        self._bringing = False

    def run(self) -> None:
        """Work until no piece is left. Raises what cannot be tried again."""
        try:
            while (span := self._coordinator.claim()) is not None:
                for index in span:
                    if self._coordinator.hand_back(range(index, span.stop)):
                        break
                    self._piece(index, span.stop)
        finally:
            self._drop()
            self._coordinator.begun(-1 if self._bringing else 0)

    def _piece(self, index: int, stop: int) -> None:
        coordinator = self._coordinator
        block = coordinator.take_block(index * coordinator.part.piece_bytes, self._check)
        try:
            self._receive(block, index, stop)
        except BaseException:
            coordinator.give_back(block)
            raise
        if block.length or coordinator.part.facts is None:
            coordinator.completed(block)
        else:
            coordinator.give_back(block)

    def _receive(self, block: Block, index: int, stop: int) -> None:
        """Fill `block` with piece `index`, in as many tries as it takes."""
        coordinator, start = self._coordinator, block.offset
        while True:
            before = block.length
            try:
                self._open(start + before, stop)
                whole = coordinator.part.length_of(index)
                for data in self._data(block, start + whole):
                    block.crc = crc32(data, block.crc)
                    block.length += len(data)
                    coordinator.got(len(data))
                if block.length == whole or coordinator.single:
                    return
            except RetryableError as exc:
                self._drop()
                if coordinator.single:
                    raise RestartError(exc.reason, failed=True) from None
                self._wait(exc, block.length - before)

    def _wait(self, error: RetryableError, brought: int) -> None:
        settings = self._coordinator.limits.settings
        self._failures = 1 if brought >= _PROGRESS_COUNTS else self._failures + 1
        wait = max(error.wait or 0.0, backoff(self._failures, settings.backoff_seconds))
        self._coordinator.client.give_up(error, self._failures, wait)
        if error.wait or self._failures > 1:
            self._coordinator.progress.note(
                f"{self._coordinator.client.remote.name}: {error.reason}; trying again in {wait:.0f} s"
            )
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            self._check()
            self._coordinator.limits.sleep(min(left, 0.1))

    def _open(self, offset: int, stop: int) -> None:
        if self._body is not None and self._at == offset:
            return
        self._drop()
        coordinator = self._coordinator
        first = coordinator.part.facts is None
        self._check()
        body = coordinator.client.open(offset, coordinator.last(stop), coordinator.part.facts)
        self._body, self._at = body, offset
        if first or not coordinator.resumable:
            coordinator.opened(body)

    def _data(self, block: Block, end: int) -> Iterator[memoryview]:
        """The bytes that follow in `block` up to byte `end` of the file, in chunks; where the size is not known fewer.

        Then it is known after.
        """
        body, coordinator = self._body, self._coordinator
        assert body is not None
        with coordinator.listening(body):
            self._pace = _Pace(coordinator.limits.settings.stall_seconds, coordinator.limits.settings.minimum_rate)
            while self._at < end:
                start = self._at
                room = block.memory[start - block.offset :][: min(_CHUNK, end - start)]
                failure = self._fill(body, room)
                data = room[: self._at - start]
                if start == 0 and data and not self._looked_at(bytes(data[: error_pages.SNIFF_BYTES]), end):
                    data = data[:0]
                if data:
                    yield data
                if failure is not None:
                    raise failure
                if not data:
                    break
            self._ended(body, end)

    def _fill(self, body: RangeResponse, room: memoryview) -> RetryableError | None:
        """Read until `room` is full or enough time has passed; the failure that ended it."""
        limits, filled = self._coordinator.limits, 0
        since = time.monotonic()
        most = max(_SMALLEST, limits.settings.limit_rate // 8) if limits.settings.limit_rate else _CHUNK
        try:
            while filled < len(room) and not (
                self._at >= error_pages.SNIFF_BYTES and time.monotonic() - since > _SHOWN_EVERY
            ):
                self._check()
                count = body.read_into(room[filled : filled + most])
                self._check()
                if not count:
                    break
                filled += count
                self._at += count
                if not self._bringing:
                    self._bringing = True
                    self._coordinator.begun(1)
                self._pace.count(count, limits.throttle(count))
        except RetryableError as exc:
            return exc
        return None

    def _looked_at(self, start: bytes, end: int) -> bool:
        """Whether the file's first bytes are fit to be kept: enough of them, and no page. Raises NetworkError."""
        facts = self._coordinator.part.facts
        if len(start) < error_pages.SNIFF_BYTES and self._at < end and facts is not None and facts.size is not None:
            return False
        error_pages.reject_error_page(
            start, self._coordinator.client.remote.name, self._coordinator.client.redacted_url
        )
        return True

    def _ended(self, body: RangeResponse, end: int) -> None:
        facts = self._coordinator.part.facts
        if facts is not None and facts.size is None:
            self._ended_unknown(end)
            return
        if self._at < end and (self._at != body.end or self._coordinator.single):
            raise RetryableError("the connection broke off early")
        if self._at == (body.end if body.end is not None else (facts.size if facts else None)):
            longer = body.has_more()
            self._body = None
            if longer:
                body.close()
                raise too_long(self._coordinator.client, self._at)

    def _ended_unknown(self, end: int) -> None:
        coordinator = self._coordinator
        wanted = coordinator.client.remote.size
        if wanted is not None and self._at > wanted:
            raise too_long(coordinator.client, wanted)
        if self._at >= end:
            return
        if wanted is not None and self._at < wanted:
            raise RetryableError("the connection broke off early")
        self._drop()
        assert coordinator.part.facts is not None
        coordinator.part.cut(self._at)
        coordinator.part.facts = replace(coordinator.part.facts, size=self._at)

    def _check(self) -> None:
        self._coordinator.limits.check_cancelled()
        if self._coordinator.over.is_set():
            raise CancelledError

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def too_long(client: RangeClient, promised: int) -> NetworkError:
    """The error for a body that goes on behind its promised end."""
    return NetworkError(
        f"{client.redacted_url} sends more than the {promised:,} bytes promised for {client.remote.name}.",
        "The file may have been replaced; try again later or ask its publisher.",
    )


class _Pace:
    """Tells a connection that drips: below the minimum rate on average over the stall time."""

    def __init__(self, seconds: float, rate: int) -> None:
        self._seconds, self._rate = seconds, rate
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, amount: int, paused: float) -> None:
        """`amount` bytes came; `paused` seconds were our own waiting. Raises RetryableError."""
        self._bytes += amount
        self._since += paused
        elapsed = time.monotonic() - self._since
        if elapsed < self._seconds:
            return
        if self._bytes < self._rate * elapsed:
            raise RetryableError(f"only {self._bytes} bytes came in {elapsed:.0f} s")
        self._since, self._bytes = time.monotonic(), 0
