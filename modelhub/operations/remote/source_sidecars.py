"""What a source says and shows of a model, written beside it as UIs look for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.transfer.download import download
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.storage.place import move
from modelhub.storage.sidecars import PREVIEW_SUFFIXES, sidecars_of

_LARGEST = 32 * 1024 * 1024  # bytes; real previews have a few million
# First bytes → suffix, of the picture formats that UIs show beside a model.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"), (b"GIF8", ".gif"))


def fetch_preview(
    remote: RemoteModel, model: Path, *, staging: Path, settings: TransferSettings | None = None
) -> Path | None:
    """Where the picture is now; None where the model has a preview already or the source shows none.

    Raises ModelhubError for what is no picture, and what a download raises.
    """
    if not remote.previews or any(_is_preview(path, model) for path in sidecars_of(model)):
        return None
    file = RemoteFile(name=f"preview-{remote.commit or 'of'}-{model.stem}", url=remote.previews[0])
    got = download(file, staging, settings=settings)
    try:
        suffix = _suffix(got.path)
        if suffix is None or got.size > _LARGEST:
            raise ModelhubError(f"{remote.previews[0]} is no picture that UIs show.")
        target = model.with_name(f"{model.stem}.preview{suffix}")
        move(got.path, target, within=model.parent)
    finally:
        shutil.rmtree(got.path.parent, ignore_errors=True)
    return target


def write_sidecars(
    remote: RemoteModel, model: Path, *, staging: Path, settings: TransferSettings | None = None
) -> list[Path]:
    """`NAME.civitai.info` and the preview, where there is none yet; returns what was written.

    Raises as `fetch_preview` does, after the `.civitai.info`.
    """
    written = []
    info = model.with_name(f"{model.stem}.civitai.info")
    if remote.document and not info.exists():
        staging.mkdir(parents=True, exist_ok=True)
        draft = staging / f"{os.getpid()}-{info.name}"
        draft.write_text(remote.document, encoding="utf-8")
        move(draft, info, within=info.parent)
        written.append(info)
    preview = fetch_preview(remote, model, staging=staging, settings=settings)
    return [*written, preview] if preview else written


def _is_preview(path: Path, model: Path) -> bool:
    return path.name[len(model.stem) :].lower().endswith(PREVIEW_SUFFIXES)


def _suffix(path: Path) -> str | None:
    with path.open("rb") as stream:
        start = stream.read(12)
    return next((suffix for magic, suffix in _PICTURES if start.startswith(magic)), None)
