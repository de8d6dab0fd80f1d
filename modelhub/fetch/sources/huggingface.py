"""The row of Hugging Face in the registry of sources."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher, RemoteFile
from modelhub.fetch.sources import huggingface_reference
from modelhub.fetch.sources.source import ReferenceParts, SourceRow, Versioning

_KEYS = (
    Key(
        "huggingface.endpoints",
        "texts",
        ("https://huggingface.co",),
        "Hub addresses, tried in this order; a mirror may stand first.",
        ("HF_ENDPOINT",),
    ),
    Key(
        "huggingface.token",
        "text",
        "",
        "Access token for gated and private repositories; empty: the one that `hf auth login` saved.",
        ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        secret=True,
    ),
)


def _make(settings: Settings, section: Section) -> Fetcher:
    from modelhub.fetch.sources.huggingface_fetcher import HuggingFace

    return HuggingFace(
        endpoints=section.texts("endpoints"), token=section.text("token") or None, offline=settings.offline
    )


def _parse(reference: str) -> ReferenceParts | None:
    found = huggingface_reference.parse(reference)
    return ReferenceParts(whole=found.repository, revision=found.revision, path=found.path) if found else None


def _local_copies(file: RemoteFile) -> Iterable[Path]:
    from modelhub.fetch.sources import huggingface_cache

    # Small files, which have no SHA-256 at the hub, are cheaper to download than to find.
    return huggingface_cache.find(sha256=file.sha256, size=file.size) if file.sha256 else ()


ROW = SourceRow(
    kind="huggingface",
    name="Hugging Face",
    make=_make,
    keys=_KEYS,
    examples=("org/name",),
    versioning=Versioning.COMMITS,
    parse=_parse,
    is_concurrent=True,
    local_copies=_local_copies,
)
