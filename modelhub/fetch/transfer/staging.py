"""The folder of one remote file in staging: locked, then downloaded into, resumed and verified."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modelhub.domain import Hashes
from modelhub.errors import ModelhubError
from modelhub.fetch.transfer.attempts import DownloadAttempts, WrongContentError
from modelhub.fetch.transfer.content_disposition import name_in_disposition
from modelhub.fetch.transfer.limits import TransferLimits
from modelhub.fetch.transfer.own_files import read_own, remove_foreign
from modelhub.fetch.transfer.part_file import PartFile
from modelhub.fetch.transfer.range_client import RangeClient
from modelhub.fetch.transfer.staging_cleanup import DONE, LOCK, MOST_DONE_BYTES
from modelhub.redaction import redact_url
from modelhub.storage import errors
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.containment import make_folder
from modelhub.storage.hashing import hash_file
from modelhub.storage.held_folder import held_folder
from modelhub.storage.locks import LockOwner, file_lock, read_owner
from modelhub.storage.safe_names import safe_name

if TYPE_CHECKING:
    from modelhub.fetch.fetcher import RemoteFile
    from modelhub.fetch.http.bounded_session import BoundedSession
    from modelhub.progress import Progress

_PLACING = 20.0  # seconds in which another process moves its download to its place and records it
_LOCK_WAIT = 0.3  # seconds of one try for the lock


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """A complete, verified file in staging, not yet placed.

    `name` is a safe file name. `resumed_from`: bytes that an earlier run had left. `final_url` has no secrets.
    `is_size_proven` is False where nothing stated a size or hash and the server ended the file by closing the
    connection, so that it may have been cut short.
    """

    path: Path
    name: str
    hashes: Hashes
    size: int
    etag: str | None
    resumed_from: int
    final_url: str
    content_type: str | None
    is_size_proven: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The facts that a server states of a file before it is downloaded; `size` in bytes, None where unstated."""

    size: int | None
    etag: str | None
    accepts_ranges: bool
    name: str
    content_type: str | None
    final_url: str


class _CompletedFile(msgspec.Struct):
    """The content of `.done`: name and hash of the complete file, and the facts from its server."""

    name: str
    size: int
    sha256: str
    etag: str | None
    final_url: str
    content_type: str | None
    is_size_proven: bool = True


class StagedFile:
    """A remote file and its folder below `base`.

    `still_needed` is called where another process was waited for, as in `download_many`.
    """

    def __init__(
        self,
        remote: RemoteFile,
        base: Path,
        *,
        limits: TransferLimits,
        session: BoundedSession,
        progress: Progress,
        still_needed: Callable[[RemoteFile], bool] | None = None,
    ) -> None:
        self._remote = remote
        self._limits = limits
        self._progress = progress
        self._still_needed = still_needed
        self._client = RangeClient(session, remote, limits.settings)
        identity = remote.sha256.lower() if remote.sha256 else f"{remote.git_sha1 or ''} {remote.url}"
        self._base = base
        self.folder = base / hashlib.sha256(f"{identity}\n{remote.name}".encode()).hexdigest()[:20]
        self._waited = False

    def run(self) -> DownloadedFile | None:
        """Lock the folder and return its complete file, downloaded where it is missing.

        Returns None where another process was waited for and the file is no longer needed afterwards.
        """
        shown = self.folder
        with held_folder(shown, within=self._base) as held:
            self.folder = held.directory
            try:
                found = self._run_locked()
            finally:
                self.folder = shown
            return found and replace(found, path=shown / found.path.relative_to(held.directory))

    def _run_locked(self) -> DownloadedFile | None:
        remove_foreign(self.folder / LOCK)
        with self._lock():
            if self._waited and self._still_needed is not None and not self._still_needed(self._remote):
                return None
            found = self._completed()
            if found is None and self._waited and self._is_placed_soon():
                return None
            return found or self._download()

    @property
    def _done_path(self) -> Path:
        return self.folder / DONE

    def _own_link(self, path: Path) -> Path:
        """Return a link to the file for this process alone: the process that was waited for may be about to move it."""
        own = self.folder / str(os.getpid()) / path.name
        try:
            if own.parent.is_symlink():
                return path
            make_folder(own.parent)
            own.unlink(missing_ok=True)
            os.link(path, own)
        except (OSError, ModelhubError):
            return path  # a drive without hard links, or the file has just gone
        return own

    def _is_placed_soon(self) -> bool:
        """Wait for a file that another process took out of staging; return whether it is where it is needed."""
        if self._still_needed is None or not self._done_path.is_file():
            return False
        deadline = time.monotonic() + _PLACING
        while self._still_needed(self._remote):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _lock(self) -> AbstractContextManager[None]:
        path = self.folder / LOCK

        def note_owner(owner: LockOwner) -> None:
            if not self._waited:
                self._progress.note(f"{self._remote.name}: Waiting for {owner}, which is downloading it.")
            self._waited = True

        while True:
            self._limits.check_cancelled()
            lock = file_lock(path, wait=_LOCK_WAIT, on_wait=note_owner)
            try:
                lock.__enter__()
            except errors.BusyError:
                continue
            if read_owner(path).pid == os.getpid():
                return _EnteredLock(lock)
            lock.__exit__(None, None, None)  # the folder was cleaned up meanwhile: this lock file is gone

    def _completed(self) -> DownloadedFile | None:
        """Return the complete file of an earlier run, hashed again; None where there is none."""
        try:
            completed = msgspec.json.decode(read_own(self._done_path, MOST_DONE_BYTES), type=_CompletedFile)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        path = self.folder / safe_name(completed.name)
        wanted = (self._remote.sha256 or completed.sha256).lower()
        if path.is_symlink() or not path.is_file() or path.stat().st_size != completed.size:
            return None
        if completed.sha256 != wanted or self._remote.size not in (None, completed.size):
            return None
        if self._waited:
            path = self._own_link(path)
        try:
            hashes = hash_file(path)
        except errors.FileChangedError:
            return None  # moved away by the process that was waited for
        if hashes.sha256 != wanted or not self._has_git_hash(path):
            path.unlink(missing_ok=True)
            return None
        return _downloaded(path, completed, hashes, resumed_from=completed.size)

    def _has_git_hash(self, path: Path) -> bool:
        """Return whether the file has the git hash that the source states, if that is all that it states."""
        if self._remote.sha256 or not self._remote.git_sha1:
            return True
        try:
            with path.open("rb") as file:
                digest = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
                while data := file.read(1 << 20):
                    digest.update(data)
        except OSError:
            return False
        return digest.hexdigest() == self._remote.git_sha1.lower()

    def _download(self) -> DownloadedFile:
        name = safe_name(f"{safe_name(self._remote.name)}.part")
        part = PartFile(self.folder / name, piece_bytes=self._limits.settings.piece_bytes)
        attempts = DownloadAttempts(self._remote, self._client, part, self._limits, self._progress)
        try:
            hashes, size = attempts.run()
            part.sync()
        except BaseException as exc:
            attempts.close()
            is_resumable = part.facts is None or part.facts.size is not None
            if isinstance(exc, WrongContentError) or not is_resumable:
                with contextlib.suppress(OSError):  # Windows, while a thread still has it open
                    part.remove()
            raise
        finally:
            attempts.close()
        return self._finish(part, hashes, size, attempts.resumed)

    def _finish(self, part: PartFile, hashes: Hashes, size: int, resumed: int) -> DownloadedFile:
        """Record the complete file and give it its final name."""
        facts = part.facts
        assert facts is not None
        own = self._remote.name.replace("\\", "/").rpartition("/")[2]
        name = safe_name(name_in_disposition(facts.disposition) or own)
        path = self.folder / name
        completed = _CompletedFile(
            name=name,
            size=size,
            sha256=hashes.sha256,
            etag=facts.etag,
            final_url=redact_url(self._client.address),
            content_type=facts.content_type,
            is_size_proven=facts.is_size_proven or bool(self._remote.sha256 or self._remote.git_sha1),
        )
        try:
            replace_file(self._done_path, msgspec.json.encode(completed), follow_links=False)
            part.path.replace(path)
            part.remove_journal()
        except OSError as exc:
            raise errors.from_os_error(exc, path, "write") from exc
        return _downloaded(path, completed, hashes, resumed_from=resumed)


def _downloaded(path: Path, completed: _CompletedFile, hashes: Hashes, *, resumed_from: int) -> DownloadedFile:
    return DownloadedFile(
        path=path,
        name=path.name,
        hashes=hashes,
        size=completed.size,
        etag=completed.etag,
        resumed_from=resumed_from,
        final_url=completed.final_url,
        content_type=completed.content_type,
        is_size_proven=completed.is_size_proven,
    )


class _EnteredLock(AbstractContextManager[None]):
    """A lock that is held already and is released at the end of the block."""

    def __init__(self, lock: AbstractContextManager[None]) -> None:
        self._lock = lock

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)
