"""Get the bytes of chosen files: from the catalog's own files, from the Hugging Face cache, else by a download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.domain import Hashes, LocationState
from modelhub.errors import ModelhubError, Remedy
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.sources.registry import rows
from modelhub.fetch.transfer.download import DownloadedFile, TransferSettings, download_many
from modelhub.progress import Progress
from modelhub.storage.free_space import ensure_free_space
from modelhub.storage.hashing import hash_file

_LARGEST_IN_GIT = 64 * 1024 * 1024  # bytes; hubs keep larger files in LFS
_FREE_SPACE = Remedy("Free some space, or choose another library or fewer files.", "free-space-for-download")
_RESERVE = 64 * 1024 * 1024  # bytes left free beside a download, for the catalog and everybody else


@dataclass(frozen=True, slots=True, kw_only=True)
class ObtainedFile:
    """One file whose bytes are on this machine and whose hashes were computed from them.

    `how` is "downloaded", "held" (a file of the catalog) or "cached" (the Hugging Face cache). Only a downloaded file
    may be moved; the others belong to somebody and are linked or copied. `resumed`: bytes kept from an earlier try.
    """

    remote: RemoteFile
    path: Path
    name: str
    hashes: Hashes
    size: int
    how: str
    resumed: int = 0


def obtain(
    remote: RemoteModel,
    files: Sequence[RemoteFile],
    *,
    catalog: Catalog,
    settings: Settings,
    staging: Path,
    progress: Progress,
) -> tuple[ObtainedFile, ...]:
    """All `files`, in their order. Raises what the transfer engine raises; nothing that is held is fetched again."""
    here = {id(file): found for file in files if (found := _held(file, catalog) or _cached(file))}
    missing = [file for file in files if id(file) not in here]
    if missing and settings.offline:
        raise ModelhubError(
            f"{missing[0].name} of {remote.reference} is not on this machine, and modelhub is offline.",
            "Run again with a network, without --offline and HF_HUB_OFFLINE.",
        )
    _ensure_room(missing, staging)
    engine = TransferSettings(
        connections=settings.transfer.connections,
        limit_rate=settings.transfer.limit_rate,
        stall_seconds=settings.transfer.stall_seconds,
        retries=settings.transfer.retries,
    )
    done = download_many(
        missing,
        staging / "incoming",
        settings=engine,
        progress=progress,
        # Another modelhub may have fetched and catalogued the file while this one waited for it.
        still_needed=lambda file: _held(file, catalog) is None,
    )
    for file, got in zip(missing, done, strict=True):
        here[id(file)] = _downloaded(file, got) if got is not None else _found_meanwhile(file, catalog)
    return tuple(here[id(file)] for file in files)


def _downloaded(file: RemoteFile, got: DownloadedFile) -> ObtainedFile:
    return ObtainedFile(
        remote=file,
        path=got.path,
        name=got.name,
        hashes=got.hashes,
        size=got.size,
        how="downloaded",
        resumed=got.resumed_from,
    )


def still_here(got: Sequence[ObtainedFile], *, catalog: Catalog) -> tuple[ObtainedFile, ...]:
    """The same files; one that another modelhub took out of staging meanwhile is found where that one placed it."""
    return tuple(item if item.path.exists() else _found_meanwhile(item.remote, catalog) for item in got)


def _found_meanwhile(file: RemoteFile, catalog: Catalog) -> ObtainedFile:
    found = _held(file, catalog)
    if found is None:
        raise ModelhubError(f"{file.name} was here a moment ago and is gone again.", "Run the same command again.")
    return found


def _held(file: RemoteFile, catalog: Catalog) -> ObtainedFile | None:
    """The same content at a place where the catalog still finds it."""
    if not file.sha256:
        return None
    record = catalog.file_by_sha256(file.sha256.lower())
    if record is None:
        return None
    for place in record.locations:
        if place.state is LocationState.PRESENT and _size(place.path) == record.size:
            return ObtainedFile(
                remote=file, path=place.path, name=_name(file), hashes=record.hashes, size=record.size, how="held"
            )
    return None


def _cached(file: RemoteFile) -> ObtainedFile | None:
    """A file of the Hugging Face cache, if it holds what its name there claims."""
    for path in _claims(file):
        hashes = hash_file(path)
        size = path.stat().st_size
        in_git = file.git_sha1 is not None and size <= _LARGEST_IN_GIT
        if hashes.sha256 == file.sha256 or (in_git and git_sha1(path) == file.git_sha1):
            return ObtainedFile(remote=file, path=path, name=_name(file), hashes=hashes, size=size, how="cached")
    return None


def _claims(file: RemoteFile) -> Iterator[Path]:
    """Where the cache may hold it: offline the source says so itself; small files are cheaper to fetch than to find."""
    if file.facts.get("cached"):
        yield Path(file.facts["cached"])
    for row in rows():
        yield from row.local_copies(file)


def git_sha1(path: Path) -> str:
    """git's hash of a blob, as the hub gives it for small files."""
    data = path.read_bytes()
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
