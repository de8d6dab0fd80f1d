"""Several connections filling one file: pieces handed out in order, more connections only while they bring more."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.connection import Connection
from modelhub.fetch.transfer.connection_scaling import ConnectionScaler
from modelhub.fetch.transfer.disk_flusher import DiskFlusher
from modelhub.fetch.transfer.disk_writer import DiskWriter
from modelhub.fetch.transfer.retry import RestartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelhub.fetch.transfer.hash_pipeline import HashPipeline
    from modelhub.fetch.transfer.limits import TransferLimits
    from modelhub.fetch.transfer.part_file import PartFile
    from modelhub.fetch.transfer.range_client import RangeClient, RangeResponse
    from modelhub.progress import Progress, Task

_TICK = 0.02  # seconds
# Bytes a connection that may be lost with the power: queued and unflushed; with the piece in work that makes 8 MiB.
_QUEUED = 2 << 20
_UNFLUSHED = 4 << 20
_ALONE = 8  # times as much is asked for at once while there is one connection: a question takes it milliseconds


class DownloadCoordinator:
    """One attempt at downloading the file into `part`. `room` is called with the size once known and may refuse."""

    def __init__(
        self,
        client: RangeClient,
        part: PartFile,
        *,
        limits: TransferLimits,
        pipeline: HashPipeline,
        task: Task,
        progress: Progress,
        room: Callable[[int], None],
    ) -> None:
        self.client, self.part, self.limits, self.pipeline = client, part, limits, pipeline
        self.task, self.progress, self._room = task, progress, room
        self.fetched = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._next = 0
        self._returned = range(0)
        self._parallel = False
        self._begun = False
        self._left = threading.Event()
        self._mark = 0  # all pieces before this one are done
        self._flusher = DiskFlusher(part.sync)
        # The hashes never hold so many that no connection could get one, for then nothing would go on.
        self._blocks = BlockPool(part.piece_bytes, 2 * limits.settings.connections + pipeline.held + 2)
        self._writer = DiskWriter(self._write, self._blocks.release)
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._live: set[RangeResponse] = set()
        self._active = 0
        self._bringing = 0  # connections whose first bytes have come
        self._flushed = True
        self.target = 1

    def run(self) -> int:
        """Fill the file; its size. Raises what a connection raised: RestartError, ModelhubError, CancelledError."""
        self._watermark()
        scaler = ConnectionScaler(self.limits.settings.connections)
        self._open_connection(wait=True)
        try:
            while self._active and self._error is None:
                self.limits.check_cancelled()
                self._left.wait(_TICK)
                self._left.clear()
                self._scale(scaler)
        finally:
            self.over.set()
            self._close_connections()
            written = self._writer.close()
            self._flushed = self._flusher.close() and written
        error = self._error or self._writer.error
        if error is not None:
            raise error
        self.limits.check_cancelled()
        facts = self.part.facts
        if facts is None or facts.size is None or self.part.held != facts.size:
            raise RestartError("the transfer ended early", failed=True)
        return facts.size

    def _scale(self, scaler: ConnectionScaler) -> None:
        if not self._parallel:
            return
        steady = self._active <= self.target and self._bringing >= self._active
        self.target = scaler.target(self.fetched, time.monotonic(), steady=steady)
        if self.target <= self._active:
            return
        left = len(self._missing())
        for _ in range(min(self.target, left) - self._active):
            # A worker that was called off leaves at once: hiring until enough are there would never end.
            if self._error is not None or self.limits.cancelled.is_set() or not self._open_connection(wait=False):
                return

    def _open_connection(self, *, wait: bool) -> bool:
        if not self.limits.acquire_slot(wait=wait):
            return False
        with self._lock:
            self._active += 1
        thread = threading.Thread(target=self._work, name="transfer", daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _close_connections(self) -> None:
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
        return self._flushed and not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        try:
            Connection(self).run()
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits for the result
            with self._lock:
                self._error = self._error or exc
        finally:
            with self._lock:
                self._active -= 1
            self.limits.release_slot()
            self._left.set()

    def _missing(self) -> list[int]:
        left = [*self._returned, *range(self._next, self._count())]
        return [index for index in left if index not in self.part.done]

    def _count(self) -> int:
        facts = self.part.facts
        size = facts.size if facts else self.client.remote.size
        return self._next + 1 if size is None else -(-size // self.part.piece_bytes)

    def claim(self) -> range | None:
        """The next pieces to fetch, None when there are none or one connection too many is at work."""
        with self._lock:
            if self._parallel and self._active > self.target:
                return None
            if self._returned:
                returned = self._returned
                self._returned = returned[self._span(len(returned)) :]
                return returned[: len(returned) - len(self._returned)]
            count, done = max(self._count(), 1), self.part.done
            while self._next < count and self._next in done:
                self._next += 1
            start = stop = self._next
            most = min(count, start + self._span(count - start))
            while stop < most and stop not in done:
                stop += 1
            self._next = stop
            return range(start, stop) if stop > start else None

    def hand_back(self, rest: range) -> bool:
        """Whether `rest`, which was claimed by a connection that was alone, is taken back to be shared out.

        Else the hashes would wait for its end, while the others are far ahead.
        """
        with self._lock:
            shared = self.target > 1 and not self._returned and len(rest) > self._request_pieces
            if shared:
                self._returned = rest
            return shared

    @property
    def _request_pieces(self) -> int:
        return max(1, self.limits.settings.request_bytes // self.part.piece_bytes)

    def _span(self, left: int) -> int:
        """Pieces to ask for at once: fewer towards the end, so that all connections end together."""
        most = self._request_pieces * (_ALONE if self.target == 1 else 1)
        return max(1, min(most, left // (2 * max(1, self.target))))

    def last(self, stop: int) -> int | None:
        """Where a request for the pieces before `stop` ends; None: it asks for all that follows."""
        facts, remote = self.part.facts, self.client.remote
        size = facts.size if facts else remote.size
        # What an earlier run left is only gone on from where the parts can be put together.
        known = self.resumable if self._begun else bool(facts or remote.sha256 or remote.git_sha1)
        if size is None or not known or self.limits.settings.connections == 1:
            return None
        return min(size, stop * self.part.piece_bytes)

    def take_block(self, offset: int, check: Callable[[], None]) -> Block:
        """Memory for the piece at `offset`, once the disk and the hashes are not too far behind."""
        connections = max(1, self._active)
        self._writer.wait(connections * _QUEUED, check)
        self._flusher.wait(connections * _UNFLUSHED, check)
        self.pipeline.wait(check)
        return self._blocks.take(offset, check)

    def give_back(self, block: Block) -> None:
        """What is in `block` is not wanted."""
        self._blocks.release(block)

    def completed(self, block: Block) -> None:
        """A piece is there: it is hashed and written while the next one comes."""
        block.hashed_from_here = self.pipeline.offer(block, self._blocks)
        self._writer.put(block)

    def _write(self, block: Block) -> None:
        self.part.write(block)
        self.part.finished(block.offset // self.part.piece_bytes, block.length, block.crc)
        self._flusher.wrote(block.length)
        self._watermark()

    def opened(self, body: RangeResponse) -> None:
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
        remote = self.client.remote
        proven = bool(facts.etag or remote.sha256 or remote.git_sha1)
        self._parallel = body.ranged and facts.size is not None and proven
        self._left.set()

    @property
    def single(self) -> bool:
        """Whether the file can only come in one answer, so that a broken one is worth nothing."""
        return self._begun and not self._parallel

    @property
    def resumable(self) -> bool:
        """Whether bytes from two answers may be put together."""
        return self._parallel

    def begun(self, count: int) -> None:
        """A connection has brought its first bytes (1), or leaves after it had (-1)."""
        with self._lock:
            self._bringing += count

    def got(self, amount: int) -> None:
        """So many new bytes are here."""
        with self._lock:
            self.fetched += amount
        self.task.advance(amount)

    def _watermark(self) -> None:
        with self._lock:
            done = self.part.done
            while self._mark in done:
                self._mark += 1
            last = self._mark - 1
            there = 0 if last < 0 else last * self.part.piece_bytes + done[last][0]
        self.pipeline.written_up_to(there)

    @contextlib.contextmanager
    def listening(self, body: RangeResponse) -> Iterator[None]:
        """While the block runs, `body` is interrupted when the attempt ends."""
        with self._lock:
            self._live.add(body)
        try:
            yield
        finally:
            with self._lock:
                self._live.discard(body)


def _interrupt(body: RangeResponse) -> None:
    import socket

    connection = getattr(body.response.raw, "connection", None)
    line = getattr(connection, "sock", None)
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
