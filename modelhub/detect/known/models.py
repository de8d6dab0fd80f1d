"""Find well-known models by what a file, a page or a repository is called, and published files by their hash."""

from __future__ import annotations

from modelhub.detect.known.community_models import COMMUNITY_MODELS
from modelhub.detect.known.files import KNOWN_FILES
from modelhub.detect.known.known_model import KnownFile, KnownModel
from modelhub.detect.known.official_models import OFFICIAL_MODELS
from modelhub.detect.known.spelling import join_name, normalize_name
from modelhub.domain import Style
from modelhub.storage.copy_marks import without_copy_mark

KNOWN_MODELS: tuple[KnownModel, ...] = OFFICIAL_MODELS + COMMUNITY_MODELS
MODELS_BY_NAME = {model.name: model for model in KNOWN_MODELS}

_BY_HASH = {f.sha256: f for f in KNOWN_FILES}
_BY_REPOSITORY = {r.lower(): m for m in KNOWN_MODELS for r in m.repositories}
_BY_SOURCE = {m.source: m for m in KNOWN_MODELS if m.source}
_SHORTEST_PIECE = 4
_RELEASE_ENDS = frozenset({"", "fp16", "bf16", "fp8", "fp32", "full-ema"})
# Parts of names that show the style, but not which of an author's models a file is.
_FAMILY_ALIASES = (("万象熔炉", "Anything V5"),)

_ALIASES = tuple(
    sorted(
        {
            *((normalize_name(word), m) for m in KNOWN_MODELS for word in (m.name, *m.aliases)),
            *((normalize_name(word), MODELS_BY_NAME[name]) for word, name in _FAMILY_ALIASES),
        },
        key=lambda pair: (-len(pair[0]), pair[0], pair[1].name),
    )
)
_EXACT = {
    join_name(word): model
    for model in KNOWN_MODELS
    for word in (model.name, *model.aliases, *model.words, *model.repositories)
}


def find_known_file(sha256: str | None) -> KnownFile | None:
    """Return the known file with this SHA-256 (hex, any case), None for an unknown one."""
    return _BY_HASH.get(sha256.lower()) if sha256 else None


def find_known_repository(repository: str | None) -> KnownModel | None:
    """Return the known model that this hub repository holds, None for another one."""
    return _BY_REPOSITORY.get(repository.lower()) if repository else None


def find_model_at(source: str) -> KnownModel | None:
    """Return the known model that is pulled from exactly this source, such as `civitai:9409@30163`."""
    return _BY_SOURCE.get(source)


def find_known_model(name: str) -> KnownModel | None:
    """Return the known model called `name`: a name, an alias or a repository, however it is spelled."""
    return _EXACT.get(join_name(name)) or find_known_repository(name)


def find_mentioned_model(name: str) -> KnownModel | None:
    """Return the known model whose alias is in a file or page name as whole words; the longest alias wins.

    The mark of a copy, as in "anything-v3 (1)", is not a part of the name.
    """
    plain = normalize_name(without_copy_mark(name))
    padded, joined = f"-{plain}-", plain.replace("-", "")
    for alias, model in _ALIASES:
        if model.style is Style.OFFICIAL:
            # Merges and fine-tunes quote the official names: only the name itself, in some precision, is the release.
            if plain.startswith(alias) and plain[len(alias) :].strip("-") in _RELEASE_ENDS:
                return model
            continue
        short = alias.replace("-", "")
        begins = len(short) > 2 * _SHORTEST_PIECE and joined.startswith(short)
        if begins or f"-{alias}-" in padded or (not alias.isascii() and alias in joined):
            return model
    return None
