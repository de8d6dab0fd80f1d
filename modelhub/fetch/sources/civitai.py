"""The row of Civitai in the registry of sources."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.source import SourceRow

_KEYS = (
    Key("civitai.endpoint", "text", "https://civitai.com", "Civitai address."),
    Key(
        "civitai.token",
        "text",
        "",
        "Civitai API token, for files that need a login.",
        ("CIVITAI_API_TOKEN", "CIVITAI_TOKEN"),
        secret=True,
    ),
)


def _make(settings: Settings, section: Section) -> Fetcher:
    from modelhub.fetch.sources.civitai_fetcher import Civitai

    return Civitai(endpoint=section.text("endpoint"), token=section.text("token") or None, offline=settings.offline)


ROW = SourceRow(kind="civitai", name="Civitai", keys=_KEYS, make=_make)
