"""Downloading one file over several connections: pieces in order, more connections only while they bring more."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from modelhub.fetch.http.retry import RestartError
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.connection import Connection
from modelhub.fetch.transfer.connection_scaling import ConnectionScaler
from modelhub.fetch.transfer.disk_flusher import DiskFlusher
from modelhub.fetch.transfer.disk_writer import DiskWriter
from modelhub.fetch.transfer.piece_queue import PieceQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelhub.fetch.transfer.hash_pipeline import HashPipeline
    from modelhub.fetch.transfer.limits import TransferLimits
    from modelhub.fetch.transfer.part_file import PartFile
    from modelhub.fetch.transfer.range_client import RangeClient, RangeResponse
    from modelhub.progress import Progress, Task

_TICK = 0.02  # seconds
_CLOSING = 2.0  # seconds in which interrupted connections must end
# Bytes a connection that a power cut may cost: queued and unflushed; the piece that is being received comes on top.
_QUEUED = 2 << 20
_UNFLUSHED = 4 << 20
# A body of unstated size may be endless: every _SPACE_INTERVAL bytes, _UNSTATED_RESERVE bytes must still be free.
_SPACE_INTERVAL = 64 << 20
_UNSTATED_RESERVE = 1 << 30


class DownloadCoordinator:
    """One attempt at downloading a file into `part`; implements `Coordination` for its connections.

    `ensure_space` is called with the size of the file once it is known, and may refuse it.
    """

    def __init__(
        self,
        client: RangeClient,
        part: PartFile,
        *,
        limits: TransferLimits,
        hashes: HashPipeline,
        task: Task,
        progress: Progress,
        ensure_space: Callable[[int], None],
    ) -> None:
        self.client, self.part, self.limits, self.progress = client, part, limits, progress
        self.received = 0
        self.over = threading.Event()
        self._hashes, self._task, self._ensure_space = hashes, task, ensure_space
        self._lock = threading.Lock()
        self._pieces = PieceQueue(part, expected_size=client.remote.size, request_bytes=limits.settings.request_bytes)
        self._is_parallel = False
        self._has_response = False
        self._changed = threading.Event()
        self._space_checked_at = 0  # file offset
        self._first_missing = 0  # all pieces before this one are written
        self._flusher = DiskFlusher(part.sync)
        # More blocks than the hashers may retain: otherwise no connection could get one and nothing would move.
        self._blocks = BlockPool(part.piece_bytes, limit=2 * limits.settings.connections + hashes.most_blocks + 2)
        self._writer = DiskWriter(self._write, self._blocks.release)
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._open_responses: set[RangeResponse] = set()
        self._active = 0
        self._receiving = 0  # connections that have received their first bytes
        self._has_flushed = True
        self._target = 1

    def run(self) -> int:
        """Download what is missing and return the size of the file.

        Raise what a connection raised: RestartError, CancelledError or a ModelhubError.
        """
        self._report_written()
        scaler = ConnectionScaler(self.limits.settings.connections)
        self._open_connection(wait=True)
        try:
            while self._active and self._error is None:
                self.limits.check_cancelled()
                self._changed.wait(_TICK)
                self._changed.clear()
                self._scale(scaler)
        finally:
            self.over.set()
            self._close_connections()
            has_written = self._writer.close()
            self._has_flushed = self._flusher.close() and has_written
        error = self._error or self._writer.error
        if error is not None:
            raise error
        self.limits.check_cancelled()
        facts = self.part.facts
        if facts is None or facts.size is None or self.part.done_bytes != facts.size:
            raise RestartError("The transfer ended early.", failed=True)
        return facts.size

    def _scale(self, scaler: ConnectionScaler) -> None:
        if not self._is_parallel:
            return
        steady = self._active <= self._target and self._receiving >= self._active
        self._target = scaler.target(self.received, time.monotonic(), steady=steady)
        if self._target <= self._active:
            return
        for _ in range(min(self._target, self._pieces.count_missing()) - self._active):
            # A cancelled connection exits at once, so that opening more would never reach the target.
            if self._error is not None or self.limits.cancelled.is_set() or not self._open_connection(wait=False):
                return

    def _open_connection(self, *, wait: bool) -> bool:
        """Start a connection and return True; False where all slots are taken and it is not to `wait` for one."""
        if not self.limits.acquire_slot(wait=wait):
            return False
        with self._lock:
            self._active += 1
        thread = threading.Thread(target=self._run_connection, name="transfer", daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _close_connections(self) -> None:
        deadline = time.monotonic() + _CLOSING
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline:
                with self._lock:
                    responses = list(self._open_responses)
                for response in responses:
                    _interrupt(response)
                thread.join(0.05)

    @property
    def has_ended(self) -> bool:
        """Whether no thread of this attempt can touch the file any more."""
        return self._has_flushed and not any(thread.is_alive() for thread in self._threads)

    def _run_connection(self) -> None:
        try:
            Connection(self).run()
        except BaseException as exc:  # noqa: BLE001 - raised again in `run`
            with self._lock:
                self._error = self._error or exc
        finally:
            with self._lock:
                self._active -= 1
            self.limits.release_slot()
            self._changed.set()

    def claim_pieces(self) -> range | None:
        """Return the next pieces to fetch; None when none are left, or one connection too many is open."""
        with self._lock:
            if self._is_parallel and self._active > self._target:
                return None
            return self._pieces.claim(self._target)

    def take_back(self, rest: range) -> bool:
        """Take back claimed pieces to share them out; return whether they were taken."""
        return self._pieces.take_back(rest, self._target)

    def request_end(self, stop: int) -> int | None:
        """Return the offset at which a request for the pieces before `stop` ends; None for an open end."""
        facts, remote = self.part.facts, self.client.remote
        size = facts.size if facts else remote.size
        # An earlier run's bytes are only continued where something proves that the parts belong together.
        is_proven = self._is_parallel if self._has_response else bool(facts or remote.sha256 or remote.git_sha1)
        if size is None or not is_proven or self.limits.settings.connections == 1:
            return None
        return min(size, stop * self.part.piece_bytes)

    def acquire_block(self, offset: int, check_cancelled: Callable[[], None]) -> Block:
        """Return memory for the piece at `offset`, once the disk and the hashers are not too far behind."""
        connections = max(1, self._active)
        self._writer.wait(connections * _QUEUED, check_cancelled)
        self._flusher.wait(connections * _UNFLUSHED, check_cancelled)
        self._hashes.wait(check_cancelled)
        return self._blocks.acquire(offset, check_cancelled)

    def release_block(self, block: Block) -> None:
        """Discard the content of a block."""
        self._blocks.release(block)

    def complete_block(self, block: Block) -> None:
        """Pass a received piece on to the hashers and the disk writer."""
        block.hashed_from_memory = self._hashes.offer(block, self._blocks)
        self._writer.put(block)

    def _write(self, block: Block) -> None:
        is_unstated = self.part.facts is not None and self.part.facts.size is None
        if is_unstated and block.offset - self._space_checked_at >= _SPACE_INTERVAL:
            self._space_checked_at = block.offset
            self._ensure_space(block.offset + _UNSTATED_RESERVE)
        self.part.write(block)
        self.part.record_piece(block.offset // self.part.piece_bytes, block.length, block.crc)
        self._flusher.written(block.length)
        self._report_written()

    def response_opened(self, response: RangeResponse) -> None:
        """Note what the first response of the attempt states about the file."""
        facts = response.facts
        self._has_response = True
        if self.part.facts is not None:
            self._is_parallel = response.is_partial
            return
        if facts.size is not None:
            self._ensure_space(facts.size)
            self._task.total(facts.size)
        self.part.begin(facts)
        remote = self.client.remote
        is_proven = bool(facts.etag or remote.sha256 or remote.git_sha1)
        self._is_parallel = response.is_partial and facts.size is not None and is_proven
        self._changed.set()

    @property
    def is_single_response(self) -> bool:
        """Whether the file can only come in one response, so that a broken one is worthless."""
        return self._has_response and not self._is_parallel

    @property
    def is_parallel(self) -> bool:
        """Whether bytes from several responses may be put together."""
        return self._is_parallel

    def count_receiving(self, change: int) -> None:
        """Count a connection that has received its first bytes (1), or such a one that closes (-1)."""
        with self._lock:
            self._receiving += change

    def count_received(self, amount: int) -> None:
        """Count new bytes."""
        with self._lock:
            self.received += amount
        self._task.advance(amount)

    def _report_written(self) -> None:
        """Tell the hashers up to which byte the file is written without a gap."""
        with self._lock:
            done = self.part.done
            while self._first_missing in done:
                self._first_missing += 1
            last = self._first_missing - 1
            end = 0 if last < 0 else last * self.part.piece_bytes + done[last][0]
        self._hashes.written_up_to(end)

    @contextlib.contextmanager
    def interruptible(self, response: RangeResponse) -> Iterator[None]:
        """Interrupt `response` when the attempt ends while the block runs."""
        with self._lock:
            self._open_responses.add(response)
        try:
            yield
        finally:
            with self._lock:
                self._open_responses.discard(response)


def _interrupt(response: RangeResponse) -> None:
    import socket

    connection = getattr(response.http.raw, "connection", None)
    line = getattr(connection, "sock", None)
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
