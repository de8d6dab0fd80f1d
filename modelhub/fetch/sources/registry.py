"""The sources of models, in the order in which they are asked whether they understand a reference."""

from __future__ import annotations

from urllib.parse import urlsplit

from modelhub.config import Settings
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.sources.civitai import Civitai
from modelhub.fetch.sources.huggingface import HuggingFace
from modelhub.fetch.sources.modelscope import ModelScope
from modelhub.fetch.sources.url import PlainHttp


def fetchers(settings: Settings) -> tuple[Fetcher, ...]:
    """All sources as the settings describe them; a plain address comes last, for it claims every other one."""
    return hub(settings), civitai(settings), modelscope(settings), plain(settings)


def hub(settings: Settings) -> HuggingFace:
    """The Hugging Face source that the settings describe."""
    return HuggingFace(
        endpoints=settings.huggingface_endpoints, token=settings.huggingface_token or None, offline=settings.offline
    )


def plain(settings: Settings) -> PlainHttp:
    """Any other address; the hosts of the other sources' endpoints, mirrors among them, are not its own."""
    endpoints = (*settings.huggingface_endpoints, settings.civitai_endpoint, settings.modelscope_endpoint)
    return PlainHttp(others=[urlsplit(endpoint).netloc for endpoint in endpoints], offline=settings.offline)


def civitai(settings: Settings) -> Civitai:
    """The Civitai source that the settings describe."""
    return Civitai(endpoint=settings.civitai_endpoint, token=settings.civitai_token or None, offline=settings.offline)


def modelscope(settings: Settings) -> ModelScope:
    """The ModelScope source that the settings describe."""
    return ModelScope(
        endpoint=settings.modelscope_endpoint, token=settings.modelscope_token or None, offline=settings.offline
    )
