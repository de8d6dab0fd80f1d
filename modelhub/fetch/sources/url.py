"""The row of plain addresses in the registry of sources."""

from __future__ import annotations

from modelhub.config import Section, Settings
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.source import SourceRow


def _make(settings: Settings, section: Section) -> Fetcher:
    from modelhub.fetch.sources.url_fetcher import PlainHttp

    return PlainHttp(offline=settings.offline)


ROW = SourceRow(kind="url", name="a web address", make=_make, examples=("https://…/file.safetensors",))
