"""The row of Hugging Face in the registry of sources."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.source import SourceRow

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


ROW = SourceRow(kind="huggingface", name="Hugging Face", keys=_KEYS, make=_make)
