"""One remote file's folder in staging: locked, resumed, filled, verified."""

from __future__ import annotations

import hashlib
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modelhub.domain import Hashes
from modelhub.errors import NetworkError
from modelhub.fetch.asking import Asker
from modelhub.fetch.filenames import disposition_name
from modelhub.fetch.limits import Limits
from modelhub.fetch.partfile import PartFile
from modelhub.fetch.ranges import Crew
from modelhub.fetch.retry import StartOverError, backoff
from modelhub.fetch.session import shown
from modelhub.fetch.trail import Trail
from modelhub.storage import faults
from modelhub.storage.bounds import make_folder
from modelhub.storage.durable import free_bytes
from modelhub.storage.hashing import hash_file
from modelhub.storage.locks import Owner, library_lock
from modelhub.storage.names import safe_name

if TYPE_CHECKING:
    import requests

    from modelhub.fetch.fetcher import RemoteFile
    from modelhub.progress import Progress, Task

_log = logging.getLogger(__name__)
_RESERVE = 16 << 20  # bytes left free, for the catalog and everybody else
_RESTARTS = 4  # how often a file may change under a download before giving up
_LOCK_TURN = 0.3  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
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
class Probed:
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
        self, remote: RemoteFile, base: Path, *, limits: Limits, session: requests.Session, progress: Progress
    ) -> None:
        self._remote = remote
        self._limits = limits
        self._progress = progress
        self._asker = Asker(session, remote, limits.settings)
        identity = remote.sha256.lower() if remote.sha256 else f"{remote.git_sha1 or ''} {remote.url}"
        self.folder = base / hashlib.sha256(f"{identity}\n{remote.name}".encode()).hexdigest()[:20]
        self._done_path = self.folder / ".done"

    def run(self) -> Downloaded:
        """Lock the folder, then take the finished file that lies there or fetch it."""
        make_folder(self.folder)
        with self._lock():
            return self._finished() or self._fetch()

    def _lock(self) -> AbstractContextManager[None]:
        told = False

        def tell(owner: Owner) -> None:
            nonlocal told
            if not told:
                self._progress.note(f"{self._remote.name}: waiting for {owner}, which is downloading it")
            told = True

        while True:
            self._limits.check()
            lock = library_lock(self.folder / ".lock", wait=_LOCK_TURN, on_wait=tell)
            try:
                lock.__enter__()
            except faults.BusyError:
                continue
            return _Held(lock)

    def _finished(self) -> Downloaded | None:
        """The complete file of an earlier run, hashed again; None where there is none."""
        try:
            told = msgspec.json.decode(self._done_path.read_bytes(), type=_Finished)
        except (OSError, msgspec.MsgspecError):
            return None
        path = self.folder / safe_name(told.name)
        wanted = (self._remote.sha256 or told.sha256).lower()
        if not path.is_file() or path.stat().st_size != told.size or told.sha256 != wanted:
            return None
        hashes = hash_file(path)
        if hashes.sha256 != wanted:
            path.unlink(missing_ok=True)
            return None
        return Downloaded(
            path=path,
            name=path.name,
            hashes=hashes,
            size=told.size,
            etag=told.etag,
            resumed_from=told.size,
            final_url=told.final_url,
            content_type=told.content_type,
        )

    def _fetch(self) -> Downloaded:
        name = safe_name(f"{safe_name(self._remote.name)}.part")
        part = PartFile(self.folder / name, piece_bytes=self._limits.settings.piece_bytes)
        filling = _Filling(self._remote, self._asker, part, self._limits, self._progress)
        good = False
        try:
            hashes, size = filling.run()
            part.sync()
            good = True
        except WrongContentError:
            filling.close()
            part.remove()
            raise
        finally:
            filling.close()
        assert good and part.facts is not None
        return self._finish(part, hashes, size, filling.resumed)

    def _finish(self, part: PartFile, hashes: Hashes, size: int, resumed: int) -> Downloaded:
        facts = part.facts
        assert facts is not None
        own = self._remote.name.replace("\\", "/").rpartition("/")[2]
        name = safe_name(disposition_name(facts.disposition) or own)
        path = self.folder / name
        told = _Finished(
            name=name,
            size=size,
            sha256=hashes.sha256,
            etag=facts.etag,
            final_url=shown(self._asker.address),
            content_type=facts.content_type,
        )
        try:
            self._done_path.write_bytes(msgspec.json.encode(told))
            part.path.replace(path)
            part.remove_journal()
        except OSError as exc:
            raise faults.translated(exc, path, "write") from exc
        return Downloaded(
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


class WrongContentError(NetworkError):
    """The bytes that came are not the file that was promised."""


class _Filling:
    """Attempts at filling a part file until one succeeds."""

    def __init__(self, remote: RemoteFile, asker: Asker, part: PartFile, limits: Limits, progress: Progress) -> None:
        self._remote, self._asker, self._part = remote, asker, part
        self._limits, self._progress = limits, progress
        self._safe_to_close = True
        self._closed = False
        self._counted = 0
        self.resumed = 0

    def run(self) -> tuple[Hashes, int]:
        """Hashes and size of the file once complete and as promised."""
        self.resumed = self._part.load(self._limits.check)
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
            except StartOverError as exc:
                task.advance(-self._counted)
                self._forget()
                if exc.failed:
                    failures += 1
                    pause = backoff(failures, self._limits.settings.backoff_seconds)
                    self._asker.give_up(exc, failures, pause)
                    self._limits.sleep(pause)
                else:
                    restarts += 1
                    self._asker.give_up(exc, restarts + max(0, self._limits.settings.retries - _RESTARTS), 0.0)
                self._progress.note(f"{self._remote.name}: {exc.reason}; starting over")

    def _attempt(self, task: Task) -> tuple[Hashes, int]:
        trail = Trail(self._part.read_into, self._limits.stop)
        held = self._part.held
        crew = Crew(
            self._asker,
            self._part,
            limits=self._limits,
            trail=trail,
            task=task,
            progress=self._progress,
            room=self._ensure_room,
        )
        try:
            if self._complete():
                size = held
                trail.reached(size)
            else:
                size = crew.run()
            hashes = trail.finish(size, crc32=self._part.crc32)
        finally:
            self._counted = held + crew.fetched
            self._safe_to_close = trail.abandon() and crew.ended and self._safe_to_close
        self._verify(hashes, size)
        return hashes, size

    def _complete(self) -> bool:
        facts = self._part.facts
        return facts is not None and facts.size is not None and facts.size == self._part.held

    def _ensure_room(self, size: int) -> None:
        folder = self._part.path.parent
        needed, free = size - self._part.allocated() + _RESERVE, free_bytes(folder)
        if size and needed > free:
            raise faults.DiskFullError(
                f"Could not download {self._remote.name} to {folder}: {needed:,} bytes are needed, {free:,} are free.",
                "Free some space there, or choose another library.",
            )

    def _verify(self, hashes: Hashes, size: int) -> None:
        wanted, got, what = (self._remote.sha256 or "").lower(), hashes.sha256, "SHA-256"
        if not wanted and self._remote.git_sha1:
            wanted, got, what = self._remote.git_sha1.lower(), self._blob_id(size), "git hash"
        if not wanted or wanted == got:
            return
        if self.resumed:
            raise StartOverError(f"the {what} is wrong after a resume")
        raise WrongContentError(
            f"{self._remote.name} from {self._asker.shown} has the wrong {what}: expected {wanted}, got {got}.",
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
