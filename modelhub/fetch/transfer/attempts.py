"""Attempts at downloading one file: resumed, restarted where it changed, until the file is complete and verified."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelhub.domain import Hashes
from modelhub.errors import NetworkError
from modelhub.fetch.http.retry import RestartError, backoff
from modelhub.fetch.transfer.coordinator import DownloadCoordinator
from modelhub.fetch.transfer.error_pages import can_be_empty
from modelhub.fetch.transfer.hash_pipeline import HashPipeline
from modelhub.storage.free_space import ensure_free_space

if TYPE_CHECKING:
    from modelhub.fetch.fetcher import RemoteFile
    from modelhub.fetch.transfer.limits import TransferLimits
    from modelhub.fetch.transfer.part_file import PartFile
    from modelhub.fetch.transfer.range_client import RangeClient
    from modelhub.progress import Progress, Task

_RESERVE = 16 << 20  # bytes left free, for the catalog and for other programs
_RESTARTS = 4  # how often a file may change during a download


class WrongContentError(NetworkError):
    """The bytes that came are not those of the requested file."""


class DownloadAttempts:
    """Attempts at downloading a file, repeated until it is complete and verified. `resumed`: bytes of earlier runs."""

    def __init__(
        self, remote: RemoteFile, client: RangeClient, part: PartFile, limits: TransferLimits, progress: Progress
    ) -> None:
        self._remote, self._client, self._part = remote, client, part
        self._limits, self._progress = limits, progress
        self._can_close = True
        self._is_closed = False
        self._is_second_try = False  # after wrong content
        self._counted = 0  # bytes that the progress task has counted in this attempt
        self.resumed = 0

    def run(self) -> tuple[Hashes, int]:
        """Return hashes and size of the file once it is complete and verified."""
        self.resumed = self._part.load(self._limits.check_cancelled)
        if self.resumed and (self._has_wrong_size() or not self._can_prove_resume()):
            self._discard()
        if self.resumed:
            self._ensure_space(self._part.facts.size or 0 if self._part.facts else 0)
            self._progress.note(f"Resuming {self._remote.name}: {self.resumed:,} bytes were downloaded before.")
        size = self._part.facts.size if self._part.facts else self._remote.size
        with self._progress.task(self._remote.name, total=size) as task:
            if self.resumed:
                task.advance(self.resumed)
            return self._run(task)

    def _can_prove_resume(self) -> bool:
        facts = self._part.facts
        return bool(self._remote.sha256 or self._remote.git_sha1 or (facts and facts.etag))

    def _has_wrong_size(self) -> bool:
        facts = self._part.facts
        return facts is None or facts.size is None or self._remote.size not in (None, facts.size)

    def _discard(self) -> None:
        self._part.reset()
        self.resumed = 0

    def _run(self, task: Task) -> tuple[Hashes, int]:
        settings = self._limits.settings
        failures = restarts = 0
        while True:
            try:
                return self._attempt(task)
            except RestartError as exc:
                task.advance(-self._counted)
                self._discard()
                if exc.failed:
                    failures += 1
                    pause = backoff(failures, settings.backoff_seconds)
                    self._client.raise_if_exhausted(exc, failures, pause)
                    self._limits.sleep(pause)
                else:
                    restarts += 1
                    self._client.raise_if_exhausted(exc, restarts + max(0, settings.retries - _RESTARTS), 0.0)
                self._progress.note(f"{self._remote.name}: {exc.reason} Starting over.")

    def _attempt(self, task: Task) -> tuple[Hashes, int]:
        settings = self._limits.settings
        # While all connections work, the fastest is at most this far ahead of the slowest.
        blocks_ahead = settings.connections * settings.request_bytes // settings.piece_bytes
        hashes = HashPipeline(self._part.read_into, self._limits.cancelled, most_blocks=blocks_ahead)
        done_before = self._part.done_bytes
        coordinator = DownloadCoordinator(
            self._client,
            self._part,
            limits=self._limits,
            hashes=hashes,
            task=task,
            progress=self._progress,
            ensure_space=self._ensure_space,
        )
        try:
            if self._is_complete():
                size = done_before
                hashes.written_up_to(size)
            else:
                size = coordinator.run()
            task.describe(f"verifying {self._remote.name}")
            found = hashes.finish(size, crc32=self._part.crc32)
        finally:
            self._counted = done_before + coordinator.received
            self._can_close = hashes.cancel() and coordinator.has_ended and self._can_close
        self._verify(found, size)
        return found, size

    def _is_complete(self) -> bool:
        facts = self._part.facts
        return facts is not None and facts.size is not None and facts.size == self._part.done_bytes

    def _ensure_space(self, size: int) -> None:
        if size:
            needed = size - self._part.allocated() + _RESERVE
            remedy = "Free some space there, or choose another library."
            ensure_free_space(self._part.path.parent, needed, remedy=remedy)

    def _verify(self, hashes: Hashes, size: int) -> None:
        """Raise WrongContentError for bytes that differ from what the source states, or RestartError to try again."""
        expected, found, kind = (self._remote.sha256 or "").lower(), hashes.sha256, "SHA-256"
        if not expected and self._remote.git_sha1:
            expected, found, kind = self._remote.git_sha1.lower(), self._git_hash(size), "git hash"
        if not expected and not size and self._remote.size is None and not can_be_empty(self._remote.name):
            raise WrongContentError("The server sent an empty file.", "Try again later.")
        if not expected or expected == found:
            return
        # One damaged block of a proxy must not cost the user the whole file.
        has_tries = self._limits.settings.retries > 0 and not self._is_second_try
        if self.resumed or self._client.has_mixed_etags or has_tries:
            self._client.has_mixed_etags, self._is_second_try = False, True
            raise RestartError(f"The {kind} is wrong.")
        raise WrongContentError(
            f"{self._remote.name} from {self._client.redacted_url} has the wrong {kind}:"
            f" expected {expected}, got {found}.",
            "The download was removed. Try again; if that does not help, the file at the source has changed.",
        )

    def _git_hash(self, size: int) -> str:
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        offset = 0
        while data := self._part.read_at(offset, 1 << 20):
            digest.update(data)
            offset += len(data)
        return digest.hexdigest()

    def close(self) -> None:
        """Close the part file. It stays open while a thread hangs in a read that cannot be interrupted."""
        if self._can_close and not self._is_closed:
            self._part.close()
        self._is_closed = True
