"""The sources of models, in the order in which a reference is offered to them."""

from __future__ import annotations

from collections.abc import Iterator

from modelhub.config import Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher, HashLookup
from modelhub.fetch.sources import civitai, huggingface, modelscope, url
from modelhub.fetch.sources.source import SourceRow

SOURCES: tuple[SourceRow, ...] = (huggingface.ROW, civitai.ROW, modelscope.ROW)
# Claims every address that no other source claims.
FALLBACK = url.ROW


def rows() -> tuple[SourceRow, ...]:
    """Return all sources, the one for plain addresses last."""
    return (*SOURCES, FALLBACK)


def source_keys() -> Iterator[Key]:
    """Yield the settings that the sources bring."""
    for row in rows():
        yield from row.keys


def fetchers(settings: Settings) -> tuple[Fetcher, ...]:
    """Return the fetchers of all sources, as the settings describe them."""
    return tuple(row.make(settings, settings.section(row.keys)) for row in rows())


def hash_lookups(settings: Settings) -> tuple[HashLookup, ...]:
    """Return the fetchers of the sources that know models by the hashes of their files."""
    return tuple(fetcher for fetcher in fetchers(settings) if isinstance(fetcher, HashLookup))
