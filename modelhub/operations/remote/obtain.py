"""Obtain the content of chosen files: from the catalog's files, from the Hugging Face cache, else by a download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.domain import Hashes, LocationState
from modelhub.errors import GO_ONLINE, ModelhubError, Remedy
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.sources.registry import rows
from modelhub.fetch.transfer.download import DownloadedFile, TransferSettings, download_many
from modelhub.progress import Progress
from modelhub.storage.errors import from_os_error
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.hashing import hash_file
from modelhub.storage.held_folder import held_folder

_LARGEST_IN_GIT = 64 * 1024 * 1024  # bytes; hubs keep larger files in LFS
_FREE_SPACE = Remedy("Free some space, or choose another library or fewer files.", "free-space-for-download")
_RESERVE = 64 * 1024 * 1024  # bytes left free beside a download, for the catalog and other programs


class FileOrigin(StrEnum):
    """The place that the content of a file came from: a download, the catalog's files or a cache on this machine."""

    DOWNLOADED = "downloaded"
    HELD = "held"
    CACHED = "cached"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObtainedFile:
    """One file whose content is on this machine and whose hashes were computed from it.

    Only a downloaded file may be moved; the others are in use elsewhere and are linked or copied. `resumed` is the
    number of bytes kept from an earlier download. `is_size_proven` is False where the download may have been
    cut short: the server stated no size and ended the file by closing the connection.
    """

    remote: RemoteFile
    path: Path
    name: str
    hashes: Hashes
    size: int
    origin: FileOrigin
    resumed: int = 0
    is_size_proven: bool = True


def obtain(
    remote: RemoteModel,
    files: Sequence[RemoteFile],
    *,
    catalog: Catalog,
    settings: Settings,
    progress: Progress,
) -> tuple[ObtainedFile, ...]:
    """Return all `files`, in their order; what is on this machine already is not downloaded again.

    Raise ModelhubError when a download is needed offline, DiskFullError, and what `download_many` raises.
    """
    here = {id(file): found for file in files if (found := _held(file, catalog) or _cached(file))}
    missing = [file for file in files if id(file) not in here]
    if missing and settings.offline:
        raise ModelhubError(f"Offline: {missing[0].name} of {remote.reference} is not on this machine.", GO_ONLINE)
    if missing:
        incoming = settings.library / ".modelhub" / "incoming"
        _ensure_room(missing, incoming)
        downloads = _download(missing, incoming, catalog, settings, progress)
        for file, download in zip(missing, downloads, strict=True):
            here[id(file)] = _downloaded(file, download) if download is not None else _require_held(file, catalog)
    return tuple(here[id(file)] for file in files)


def _download(
    files: Sequence[RemoteFile], incoming: Path, catalog: Catalog, settings: Settings, progress: Progress
) -> list[DownloadedFile | None]:
    """Download into the library's own folder, which is held: it cannot become a link to elsewhere meanwhile."""
    transfer = TransferSettings(
        connections=settings.transfer.connections,
        limit_rate=settings.transfer.limit_rate,
        stall_seconds=settings.transfer.stall_seconds,
        retries=settings.transfer.retries,
    )
    with held_folder(incoming, within=settings.library) as held:
        downloads = download_many(
            files,
            held.directory,
            settings=transfer,
            progress=progress,
            # Another process may have downloaded the file and added it to the catalog while this one waited for it.
            still_needed=lambda file: _held(file, catalog) is None,
        )
        return [one and replace(one, path=incoming / one.path.relative_to(held.directory)) for one in downloads]


def _downloaded(file: RemoteFile, download: DownloadedFile) -> ObtainedFile:
    return ObtainedFile(
        remote=file,
        path=download.path,
        name=download.name,
        hashes=download.hashes,
        size=download.size,
        origin=FileOrigin.DOWNLOADED,
        resumed=download.resumed_from,
        is_size_proven=download.is_size_proven,
    )


def still_here(files: Sequence[ObtainedFile], *, catalog: Catalog) -> tuple[ObtainedFile, ...]:
    """Return the same files; one that another process has moved out of staging is returned at its new place.

    Raise ModelhubError for a file that is gone.
    """
    return tuple(file if file.path.exists() else _require_held(file.remote, catalog) for file in files)


def _require_held(file: RemoteFile, catalog: Catalog) -> ObtainedFile:
    found = _held(file, catalog)
    if found is None:
        raise ModelhubError(f"{file.name} was removed by another program.", "Run the same command again.")
    return found


def _held(file: RemoteFile, catalog: Catalog) -> ObtainedFile | None:
    """Return the same content at a place where the catalog has it, None where it has none."""
    if not file.sha256:
        return None
    record = catalog.file_by_sha256(file.sha256.lower())
    if record is None:
        return None
    for place in record.locations:
        if place.state is LocationState.PRESENT and _size(place.path) == record.size:
            return ObtainedFile(
                remote=file,
                path=place.path,
                name=_name(file),
                hashes=record.hashes,
                size=record.size,
                origin=FileOrigin.HELD,
            )
    return None


def _cached(file: RemoteFile) -> ObtainedFile | None:
    """Return the file of the Hugging Face cache, None where it is not there or its content is not the stated one."""
    for path in _cache_paths(file):
        hashes = hash_file(path)
        size = path.stat().st_size
        in_git = file.git_sha1 is not None and size <= _LARGEST_IN_GIT
        if hashes.sha256 == file.sha256 or (in_git and git_sha1(path) == file.git_sha1):
            return ObtainedFile(
                remote=file, path=path, name=_name(file), hashes=hashes, size=size, origin=FileOrigin.CACHED
            )
    return None


def _cache_paths(file: RemoteFile) -> Iterator[Path]:
    """Yield the paths at which the cache may have a file.

    Offline the source states the path. Files without a SHA-256 are small: downloading them is cheaper than a search.
    """
    if file.facts.get("cached"):
        yield Path(file.facts["cached"])
    for row in rows():
        yield from row.local_copies(file)


def git_sha1(path: Path) -> str:
    """Return git's hash of a blob, which hubs state for small files. Raise ModelhubError for an unreadable file."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _name(file: RemoteFile) -> str:
    return file.name.rsplit("/", 1)[-1]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _ensure_room(files: Sequence[RemoteFile], staging: Path) -> None:
    needed = sum(file.size or 0 for file in files)
    if needed:
        ensure_free_space(staging, needed + _RESERVE, remedy=_FREE_SPACE)
