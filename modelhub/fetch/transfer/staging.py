"""One remote file's folder in staging: locked, resumed, filled, verified."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modelhub.domain import Hashes
from modelhub.errors import ModelhubError
from modelhub.fetch.transfer.attempts import DownloadAttempts, WrongContentError
from modelhub.fetch.transfer.content_disposition import name_in_disposition
from modelhub.fetch.transfer.limits import TransferLimits
from modelhub.fetch.transfer.part_file import PartFile
from modelhub.fetch.transfer.range_client import RangeClient
from modelhub.fetch.transfer.session import redact_url
from modelhub.fetch.transfer.staging_cleanup import DONE, LOCK
from modelhub.storage import errors
from modelhub.storage.containment import make_folder
from modelhub.storage.hashing import hash_file
from modelhub.storage.locks import LockOwner, file_lock, read_owner
from modelhub.storage.safe_names import safe_name

if TYPE_CHECKING:
    import requests

    from modelhub.fetch.fetcher import RemoteFile
    from modelhub.progress import Progress

_PUBLISHING = 20.0  # seconds in which another process places and catalogues what it downloaded
_LOCK_TURN = 0.3  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """A complete, verified file in staging, not yet published.

    `name` is a safe file name. `resumed_from`: bytes that an earlier run had left. `final_url` is without secrets.
    """

    path: Path
    name: str
    hashes: Hashes
    size: int
    etag: str | None
    resumed_from: int
    final_url: str
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a server says of a file before it is fetched. `size` in bytes; `ranges`: parts of it can be asked for."""

    size: int | None
    etag: str | None
    ranges: bool
    name: str
    content_type: str | None
    final_url: str


class _Finished(msgspec.Struct):
    """What `.done` holds: the complete file's name and hash, and what its server said."""

    name: str
    size: int
    sha256: str
    etag: str | None
    final_url: str
    content_type: str | None


class StagedFile:
    """The way of one remote file into its folder below `base`."""

    def __init__(
        self,
        remote: RemoteFile,
        base: Path,
        *,
        limits: TransferLimits,
        session: requests.Session,
        progress: Progress,
        still_needed: Callable[[RemoteFile], bool] | None = None,
    ) -> None:
        self._remote = remote
        self._limits = limits
        self._progress = progress
        self._still_needed = still_needed
        self._client = RangeClient(session, remote, limits.settings)
        identity = remote.sha256.lower() if remote.sha256 else f"{remote.git_sha1 or ''} {remote.url}"
        self.folder = base / hashlib.sha256(f"{identity}\n{remote.name}".encode()).hexdigest()[:20]
        self._done_path = self.folder / DONE
        self._waited = False

    def run(self) -> DownloadedFile | None:
        """Lock the folder, then take the finished file that lies there or fetch it.

        None where another process was waited for and the file is no longer needed after it.
        """
        with self._lock():
            if self._waited and self._still_needed is not None and not self._still_needed(self._remote):
                return None
            found = self._finished()
            if found is None and self._waited and self._published_soon():
                return None
            return found or self._fetch()

    def _own(self, path: Path) -> Path:
        """The file under a name of this process alone: the process that was waited for may be about to move it."""
        own = self.folder / str(os.getpid()) / path.name
        try:
            make_folder(own.parent)
            own.unlink(missing_ok=True)
            os.link(path, own)
        except (OSError, ModelhubError):
            return path  # a drive without hard links, or the file has just gone
        return own

    def _published_soon(self) -> bool:
        """Whether the file that another process has taken out of staging turns up where it is wanted."""
        if self._still_needed is None or not self._done_path.is_file():
            return False
        deadline = time.monotonic() + _PUBLISHING
        while self._still_needed(self._remote):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _lock(self) -> AbstractContextManager[None]:
        path = self.folder / LOCK

        def tell(owner: LockOwner) -> None:
            if not self._waited:
                self._progress.note(f"{self._remote.name}: waiting for {owner}, which is downloading it")
            self._waited = True

        while True:
            self._limits.check_cancelled()
            lock = file_lock(path, wait=_LOCK_TURN, on_wait=tell)
            try:
                lock.__enter__()
            except errors.BusyError:
                continue
            if read_owner(path).pid == os.getpid():
                return _Held(lock)
            lock.__exit__(None, None, None)  # the folder was tidied away while we waited: this lock file is gone

    def _finished(self) -> DownloadedFile | None:
        """The complete file of an earlier run, hashed again; None where there is none."""
        try:
            told = msgspec.json.decode(self._done_path.read_bytes(), type=_Finished)
        except (OSError, msgspec.MsgspecError):
            return None
        path = self.folder / safe_name(told.name)
        wanted = (self._remote.sha256 or told.sha256).lower()
        if not path.is_file() or path.stat().st_size != told.size or told.sha256 != wanted:
            return None
        if self._waited:
            path = self._own(path)
        try:
            hashes = hash_file(path)
        except errors.FileChangedError:
            return None  # moved away by the process that was waited for
        if hashes.sha256 != wanted:
            path.unlink(missing_ok=True)
            return None
        return DownloadedFile(
            path=path,
            name=path.name,
            hashes=hashes,
            size=told.size,
            etag=told.etag,
            resumed_from=told.size,
            final_url=told.final_url,
            content_type=told.content_type,
        )

    def _fetch(self) -> DownloadedFile:
        name = safe_name(f"{safe_name(self._remote.name)}.part")
        part = PartFile(self.folder / name, piece_bytes=self._limits.settings.piece_bytes)
        attempts = DownloadAttempts(self._remote, self._client, part, self._limits, self._progress)
        good = False
        try:
            hashes, size = attempts.run()
            part.sync()
            good = True
        except WrongContentError:
            attempts.close()
            part.remove()
            raise
        finally:
            attempts.close()
        assert good and part.facts is not None
        return self._finish(part, hashes, size, attempts.resumed)

    def _finish(self, part: PartFile, hashes: Hashes, size: int, resumed: int) -> DownloadedFile:
        facts = part.facts
        assert facts is not None
        own = self._remote.name.replace("\\", "/").rpartition("/")[2]
        name = safe_name(name_in_disposition(facts.disposition) or own)
        path = self.folder / name
        told = _Finished(
            name=name,
            size=size,
            sha256=hashes.sha256,
            etag=facts.etag,
            final_url=redact_url(self._client.address),
            content_type=facts.content_type,
        )
        try:
            self._done_path.write_bytes(msgspec.json.encode(told))
            part.path.replace(path)
            part.remove_journal()
        except OSError as exc:
            raise errors.from_os_error(exc, path, "write") from exc
        return DownloadedFile(
            path=path,
            name=name,
            hashes=hashes,
            size=size,
            etag=told.etag,
            resumed_from=resumed,
            final_url=told.final_url,
            content_type=told.content_type,
        )


class _Held(AbstractContextManager[None]):
    """A lock that was entered already."""

    def __init__(self, lock: AbstractContextManager[None]) -> None:
        self._lock = lock

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)
