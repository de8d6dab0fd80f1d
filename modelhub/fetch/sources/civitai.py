"""The row of Civitai in the registry of sources."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources import civitai_reference
from modelhub.fetch.sources.source import ReferenceParts, SourceRow, Versioning

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


def _parse(reference: str) -> ReferenceParts | None:
    found = civitai_reference.parse(reference)
    if found is None:
        return None
    version = str(found.version) if found.version else found.version_name
    return ReferenceParts(whole=f"civitai:{found.model}" if found.model else None, revision=version)


ROW = SourceRow(
    kind="civitai",
    name="Civitai",
    make=_make,
    keys=_KEYS,
    examples=("civitai:MODEL", "civitai:MODEL@VERSION"),
    versioning=Versioning.VERSIONS,
    parse=_parse,
    finds_by_hash=True,
)
