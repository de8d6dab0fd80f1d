"""Downloading one file: attempts, fresh starts and verification until it is complete."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelhub.domain import Hashes
from modelhub.errors import NetworkError
from modelhub.fetch.transfer.coordinator import DownloadCoordinator
from modelhub.fetch.transfer.hash_pipeline import HashPipeline
from modelhub.fetch.transfer.retry import RestartError, backoff
from modelhub.storage.free_space import ensure_free_space

if TYPE_CHECKING:
    from modelhub.fetch.fetcher import RemoteFile
    from modelhub.fetch.transfer.limits import TransferLimits
    from modelhub.fetch.transfer.part_file import PartFile
    from modelhub.fetch.transfer.range_client import RangeClient
    from modelhub.progress import Progress, Task

_RESERVE = 16 << 20  # bytes left free, for the catalog and everybody else
_RESTARTS = 4  # how often a file may change under a download before giving up


class WrongContentError(NetworkError):
    """The bytes that came are not the file that was promised."""


class DownloadAttempts:
    """Attempts at downloading a file, repeated until one succeeds."""

    def __init__(
        self, remote: RemoteFile, client: RangeClient, part: PartFile, limits: TransferLimits, progress: Progress
    ) -> None:
        self._remote, self._client, self._part = remote, client, part
        self._limits, self._progress = limits, progress
        self._safe_to_close = True
        self._closed = False
        self._counted = 0
        self.resumed = 0

    def run(self) -> tuple[Hashes, int]:
        """Hashes and size of the file once complete and as promised."""
        self.resumed = self._part.load(self._limits.check_cancelled)
        proven = self._remote.sha256 or self._remote.git_sha1 or (self._part.facts and self._part.facts.etag)
        if self.resumed and (not proven or self._wrong_size()):
            self._forget()
        if self.resumed:
            self._progress.note(f"{self._remote.name}: going on after {self.resumed:,} bytes of an earlier run")
        size = self._part.facts.size if self._part.facts else self._remote.size
        with self._progress.task(self._remote.name, total=size) as task:
            if self.resumed:
                task.advance(self.resumed)
            return self._attempts(task)

    def _wrong_size(self) -> bool:
        facts = self._part.facts
        return facts is None or facts.size is None or self._remote.size not in (None, facts.size)

    def _forget(self) -> None:
        self._part.reset()
        self.resumed = 0

    def _attempts(self, task: Task) -> tuple[Hashes, int]:
        failures = restarts = 0
        while True:
            try:
                return self._attempt(task)
            except RestartError as exc:
                task.advance(-self._counted)
                self._forget()
                if exc.failed:
                    failures += 1
                    pause = backoff(failures, self._limits.settings.backoff_seconds)
                    self._client.give_up(exc, failures, pause)
                    self._limits.sleep(pause)
                else:
                    restarts += 1
                    self._client.give_up(exc, restarts + max(0, self._limits.settings.retries - _RESTARTS), 0.0)
                self._progress.note(f"{self._remote.name}: {exc.reason}; starting over")

    def _attempt(self, task: Task) -> tuple[Hashes, int]:
        settings = self._limits.settings
        # So far ahead of the slowest connection is the quickest one, when all of them are at work.
        ahead = settings.connections * settings.request_bytes // settings.piece_bytes
        pipeline = HashPipeline(self._part.read_into, self._limits.cancelled, held=ahead)
        held = self._part.held
        coordinator = DownloadCoordinator(
            self._client,
            self._part,
            limits=self._limits,
            pipeline=pipeline,
            task=task,
            progress=self._progress,
            room=self._ensure_room,
        )
        try:
            if self._complete():
                size = held
                pipeline.written_up_to(size)
            else:
                size = coordinator.run()
            task.describe(f"verifying {self._remote.name}")
            hashes = pipeline.finish(size, crc32=self._part.crc32)
        finally:
            self._counted = held + coordinator.fetched
            self._safe_to_close = pipeline.cancel() and coordinator.ended and self._safe_to_close
        self._verify(hashes, size)
        return hashes, size

    def _complete(self) -> bool:
        facts = self._part.facts
        return facts is not None and facts.size is not None and facts.size == self._part.held

    def _ensure_room(self, size: int) -> None:
        if size:
            needed = size - self._part.allocated() + _RESERVE
            ensure_free_space(
                self._part.path.parent, needed, remedy="Free some space there, or choose another library."
            )

    def _verify(self, hashes: Hashes, size: int) -> None:
        wanted, got, what = (self._remote.sha256 or "").lower(), hashes.sha256, "SHA-256"
        if not wanted and self._remote.git_sha1:
            wanted, got, what = self._remote.git_sha1.lower(), self._blob_id(size), "git hash"
        if not wanted or wanted == got:
            return
        if self.resumed or self._client.mixed:
            self._client.mixed = False
            raise RestartError(f"the {what} is wrong after a resume")
        raise WrongContentError(
            f"{self._remote.name} from {self._client.redacted_url} has the wrong {what}: expected {wanted}, got {got}.",
            "It was removed. Try again; if it stays so, the file at the source is not the one that was promised.",
        )

    def _blob_id(self, size: int) -> str:
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        offset = 0
        while data := self._part.read_at(offset, 1 << 20):
            digest.update(data)
            offset += len(data)
        return digest.hexdigest()

    def close(self) -> None:
        """Close the part file; once a thread hangs in a read that cannot be ended, it stays open with the process."""
        if self._safe_to_close and not self._closed:
            self._part.close()
        self._closed = True
