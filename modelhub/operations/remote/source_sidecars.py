"""Write a source's information and preview picture beside a model, named as UIs expect them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.transfer.download import download
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.containment import ensure_inside
from modelhub.storage.errors import from_os_error
from modelhub.storage.place import move
from modelhub.storage.sidecar_names import PREVIEW_SUFFIXES, sidecars_of

_LARGEST = 32 * 1024 * 1024  # bytes; previews have a few million
# First bytes → suffix, of the picture formats that UIs show beside a model.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"), (b"GIF8", ".gif"))


def fetch_preview(
    remote: RemoteModel, model: Path, *, staging: Path, settings: TransferSettings | None = None
) -> Path | None:
    """Download the preview of a model and return its path; None where there is one already or the source has none.

    Raise ModelhubError for a file that is not a picture, and what `download` raises.
    """
    if not remote.previews or any(_is_preview(path, model) for path in sidecars_of(model)):
        return None
    file = RemoteFile(
        name=f"preview-{remote.commit or 'of'}-{model.stem}",
        url=remote.previews[0],
        listed_by=remote.page,
        most_bytes=_LARGEST,
    )
    picture = download(file, staging, settings=settings)
    try:
        suffix = _suffix(picture.path)
        if suffix is None or picture.size > _LARGEST:
            raise ModelhubError(f"{remote.previews[0]} is not a picture that UIs can show.")
        target = model.with_name(f"{model.stem}.preview{suffix}")
        move(picture.path, target, within=model.parent)
    finally:
        shutil.rmtree(picture.path.parent, ignore_errors=True)
    return target


def preview_fetcher(library: Path) -> Callable[[RemoteModel, Path], Path | None]:
    """Return `fetch_preview` with the staging folder of a library."""
    staging = staging_folder(library)

    def fetch(remote: RemoteModel, model: Path) -> Path | None:
        ensure_inside(library, staging / "entry")  # it may be a link out of the library by now
        return fetch_preview(remote, model, staging=staging)

    return fetch


def staging_folder(library: Path) -> Path:
    """Return the folder of a library for previews that are being downloaded."""
    return library / ".modelhub" / "previews"


def write_sidecars(
    remote: RemoteModel, model: Path, *, staging: Path, settings: TransferSettings | None = None
) -> list[Path]:
    """Write `NAME.civitai.info` and the preview unless they exist, and return what was written.

    Raise as `fetch_preview` does, after the `.civitai.info` was written.
    """
    written = []
    info = model.with_name(f"{model.stem}.civitai.info")
    if remote.document and not os.path.lexists(info):
        draft = staging / f"{os.urandom(6).hex()}.info"
        replace_file(draft, remote.document.encode(), follow_links=False)
        move(draft, info, within=info.parent)
        written.append(info)
    preview = fetch_preview(remote, model, staging=staging, settings=settings)
    return [*written, preview] if preview else written


def _is_preview(path: Path, model: Path) -> bool:
    return path.name[len(model.stem) :].lower().endswith(PREVIEW_SUFFIXES)


def _suffix(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            start = stream.read(12)
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    return next((suffix for magic, suffix in _PICTURES if start.startswith(magic)), None)
