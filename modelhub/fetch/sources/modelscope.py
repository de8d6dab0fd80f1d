"""The row of ModelScope in the registry of sources."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources import modelscope_reference
from modelhub.fetch.sources.source import ReferenceParts, SourceRow, Versioning

_KEYS = (
    Key("modelscope.endpoint", "text", "https://modelscope.cn", "ModelScope address.", ("MODELSCOPE_ENDPOINT",)),
    Key(
        "modelscope.token",
        "text",
        "",
        "ModelScope access token, for private repositories.",
        ("MODELSCOPE_API_TOKEN",),
        secret=True,
    ),
)


def _make(settings: Settings, section: Section) -> Fetcher:
    from modelhub.fetch.sources.modelscope_fetcher import ModelScope

    return ModelScope(endpoint=section.text("endpoint"), token=section.text("token") or None, offline=settings.offline)


def _parse(reference: str) -> ReferenceParts | None:
    found = modelscope_reference.parse(reference)
    if found is None:
        return None
    return ReferenceParts(whole=str(found.whole), revision=found.hub.revision, path=found.hub.path)


ROW = SourceRow(
    kind="modelscope",
    name="ModelScope",
    make=_make,
    keys=_KEYS,
    examples=("ms:org/name",),
    versioning=Versioning.COMMITS,
    parse=_parse,
    is_concurrent=True,
)
