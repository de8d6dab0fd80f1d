"""One connection of a download: claims pieces, reads responses and retries until no piece is left."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from modelhub.fetch.http.retry import CancelledError, RestartError, RetryableError, backoff
from modelhub.fetch.transfer.error_pages import SNIFF_BYTES, reject_error_page
from modelhub.quantities import format_duration
from modelhub.storage.crc import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelhub.fetch.transfer.blocks import Block
    from modelhub.fetch.transfer.coordination import Coordination
    from modelhub.fetch.transfer.range_client import RangeResponse

_CHUNK = 256 << 10  # bytes handed on at once
_SMALLEST_READ = 4 << 10  # bytes read at once under the lowest rate limit
_REPORT_INTERVAL = 0.2  # seconds; the bytes of a slow connection are counted this often
_PROGRESS = 64 << 10  # bytes; a try that received this many resets the count of failures
_CANCEL_INTERVAL = 0.1  # seconds between two looks at the cancellation flag while waiting
_BROKEN_OFF = "The connection broke off early."


class Connection:
    """One connection, run in a thread of its own."""

    def __init__(self, coordinator: Coordination) -> None:
        self._coordinator = coordinator
        self._response: RangeResponse | None = None
        self._position = 0  # file offset of the next byte of the open response
        self._failures = 0
        self._minimum_rate = _MinimumRate(0.0, 0)
        self._receiving = False

    def run(self) -> None:
        """Work until no piece is left. Raise what cannot be retried: RestartError, CancelledError, ModelhubError."""
        try:
            while (pieces := self._coordinator.claim_pieces()) is not None:
                for index in pieces:
                    if self._coordinator.take_back(range(index, pieces.stop)):
                        break
                    self._fetch_piece(index, pieces.stop)
        finally:
            self._close_response()
            self._coordinator.count_receiving(-1 if self._receiving else 0)

    def _fetch_piece(self, index: int, stop: int) -> None:
        coordinator = self._coordinator
        block = coordinator.acquire_block(index * coordinator.part.piece_bytes, self._check_cancelled)
        try:
            self._fill_block(block, index, stop)
        except BaseException:
            coordinator.release_block(block)
            raise
        if block.length or coordinator.part.facts is None:
            coordinator.complete_block(block)
        else:
            coordinator.release_block(block)

    def _fill_block(self, block: Block, index: int, stop: int) -> None:
        """Fill `block` with piece `index`, in as many tries as it takes."""
        coordinator, start = self._coordinator, block.offset
        while True:
            before = block.length
            try:
                self._open(start + before, stop)
                length = coordinator.part.length_of(index)
                for data in self._chunks(block, start + length):
                    block.crc = crc32(data, block.crc)
                    block.length += len(data)
                    coordinator.count_received(len(data))
                if block.length == length or coordinator.is_single_response:
                    return
            except RetryableError as exc:
                self._close_response()
                if coordinator.is_single_response:
                    raise RestartError(exc.reason, failed=True) from None
                self._wait_before_retry(exc, block.length - before)

    def _wait_before_retry(self, error: RetryableError, received: int) -> None:
        client, limits = self._coordinator.client, self._coordinator.limits
        self._failures = 1 if received >= _PROGRESS else self._failures + 1
        wait = max(error.wait or 0.0, backoff(self._failures, limits.settings.backoff_seconds))
        client.raise_if_exhausted(error, self._failures, wait)
        if error.wait or self._failures > 1:
            self._coordinator.progress.note(
                f"{client.remote.name}: {error.reason} Retrying in {format_duration(wait)}."
            )
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            self._check_cancelled()
            limits.sleep(min(left, _CANCEL_INTERVAL))

    def _open(self, offset: int, stop: int) -> None:
        if self._response is not None and self._position == offset:
            return
        self._close_response()
        coordinator = self._coordinator
        is_first = coordinator.part.facts is None
        self._check_cancelled()
        response = coordinator.client.open(offset, coordinator.request_end(stop), coordinator.part.facts)
        self._response, self._position = response, offset
        if is_first or not coordinator.is_parallel:
            coordinator.response_opened(response)

    def _chunks(self, block: Block, end: int) -> Iterator[memoryview]:
        """Yield the bytes of the open response up to file offset `end`, in chunks that are parts of `block`.

        The response may end earlier where the size of the file is unknown; it is known afterwards.
        """
        response, coordinator = self._response, self._coordinator
        assert response is not None
        with coordinator.interruptible(response):
            settings = coordinator.limits.settings
            self._minimum_rate = _MinimumRate(settings.stall_seconds, settings.minimum_rate)
            while self._position < end:
                start = self._position
                target = block.memory[start - block.offset :][: min(_CHUNK, end - start)]
                failure = self._read(response, target)
                data = target[: self._position - start]
                if start == 0 and data and not self._is_accepted(bytes(data[:SNIFF_BYTES]), end):
                    data = data[:0]
                if data:
                    yield data
                if failure is not None:
                    raise failure
                if not data:
                    break
            self._check_end(response, end)

    def _read(self, response: RangeResponse, target: memoryview) -> RetryableError | None:
        """Read until `target` is full, the response ends or the interval is over; return the failure that ended it."""
        limits, filled = self._coordinator.limits, 0
        since = time.monotonic()
        rate = limits.settings.limit_rate
        at_once = max(_SMALLEST_READ, rate // 8) if rate else _CHUNK
        try:
            while filled < len(target):
                if self._position >= SNIFF_BYTES and time.monotonic() - since > _REPORT_INTERVAL:
                    break
                self._check_cancelled()
                count = response.read_into(target[filled : filled + at_once])
                self._check_cancelled()
                if not count:
                    break
                filled += count
                self._position += count
                if not self._receiving:
                    self._receiving = True
                    self._coordinator.count_receiving(1)
                self._minimum_rate.count(count, paused=limits.throttle(count))
        except RetryableError as exc:
            return exc
        return None

    def _is_accepted(self, start: bytes, end: int) -> bool:
        """Return whether enough of the file's first bytes have come to judge them. Raise NetworkError for a page."""
        facts, client = self._coordinator.part.facts, self._coordinator.client
        if len(start) < SNIFF_BYTES and self._position < end and facts is not None and facts.size is not None:
            return False
        reject_error_page(start, client.remote.name, client.redacted_url)
        return True

    def _check_end(self, response: RangeResponse, end: int) -> None:
        """Raise RetryableError for a response that ended too early, NetworkError for one that is too long."""
        facts = self._coordinator.part.facts
        if facts is not None and facts.size is None:
            self._end_without_size(response, end)
            return
        if self._position < end and (self._position != response.end or self._coordinator.is_single_response):
            raise RetryableError(_BROKEN_OFF)
        if self._position == (response.end if response.end is not None else (facts.size if facts else None)):
            has_more = response.has_more()
            self._response = None
            if has_more:
                response.close()
                raise self._coordinator.client.too_long_error(self._position)

    def _end_without_size(self, response: RangeResponse, end: int) -> None:
        coordinator = self._coordinator
        expected, most = coordinator.client.remote.size, coordinator.client.remote.most_bytes
        if expected is not None and self._position > expected:
            raise coordinator.client.too_long_error(expected)
        if most is not None and self._position > most:
            raise coordinator.client.too_large_error()
        if self._position >= end:
            return
        if expected is not None and self._position < expected:
            raise RetryableError(_BROKEN_OFF)
        proves_end = response.proves_its_end or expected is not None
        self._close_response()
        assert coordinator.part.facts is not None
        coordinator.part.truncate(self._position)
        coordinator.part.facts = replace(coordinator.part.facts, size=self._position, is_size_proven=proves_end)

    def _check_cancelled(self) -> None:
        self._coordinator.limits.check_cancelled()
        if self._coordinator.over.is_set():
            raise CancelledError

    def _close_response(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


class _MinimumRate:
    """A detector of stalling connections: below `rate` bytes a second on average over `seconds`."""

    def __init__(self, seconds: float, rate: int) -> None:
        self._seconds, self._rate = seconds, rate
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, amount: int, *, paused: float) -> None:
        """Count `amount` bytes; `paused` seconds of the time were our own waiting. Raise RetryableError."""
        self._bytes += amount
        self._since += paused
        elapsed = time.monotonic() - self._since
        if elapsed < self._seconds:
            return
        if self._bytes < self._rate * elapsed:
            raise RetryableError(f"Only {self._bytes:,} bytes came in {format_duration(elapsed)}.")
        self._since, self._bytes = time.monotonic(), 0
