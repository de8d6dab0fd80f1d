"""The sources of models, in the order in which they are asked whether they understand a reference."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.config import Settings
from modelhub.errors import UsageError
from modelhub.fetch.civitai import Civitai
from modelhub.fetch.fetcher import Fetcher
from modelhub.fetch.huggingface import HuggingFace

_FORMS = (
    "Give a repository (org/name, org/name@revision, org/name/file), civitai:MODEL[@VERSION], "
    "or an address that starts with https://."
)


def hub(settings: Settings) -> HuggingFace:
    """The Hugging Face source that the settings describe."""
    return HuggingFace(
        endpoints=settings.huggingface_endpoints, token=settings.huggingface_token or None, offline=settings.offline
    )


def civitai(settings: Settings) -> Civitai:
    """The Civitai source that the settings describe."""
    return Civitai(endpoint=settings.civitai_endpoint, token=settings.civitai_token or None, offline=settings.offline)


def fetcher_for(source: str, fetchers: Sequence[Fetcher]) -> Fetcher:
    """The first fetcher that claims `source`. Raises UsageError, with the forms that there are, when none does."""
    for fetcher in fetchers:
        if fetcher.claims(source):
            return fetcher
    raise UsageError(f"`{source}` names no source of models.", _FORMS)
