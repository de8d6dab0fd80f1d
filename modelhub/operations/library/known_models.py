"""Find well-known models by words: parts of their names, styles and architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.catalog.query_parser import make_term
from modelhub.catalog.values import ModelQuery
from modelhub.detect import KNOWN_MODELS, KnownModel, find_named_models, find_near_models
from modelhub.words import WordKind, canonical, fold, nearest_word

if TYPE_CHECKING:
    from modelhub.catalog import Catalog
    from modelhub.domain import ModelRecord, Source

_KINDS = (WordKind.STYLE, WordKind.ARCHITECTURE)
_MOST = 3  # suggested names


def find_known_models(words: Sequence[str]) -> tuple[KnownModel, ...]:
    """Return the known models that all words fit; every known model without words.

    Together, the words may be the name of a model, or one style or architecture. Else each is a style, an architecture
    or a part of a name.
    """
    phrase = " ".join(words)
    if not _is_value(phrase) and (named := find_named_models(phrase)):
        return tuple(model for model in KNOWN_MODELS if model in named or _has_text(model, phrase))
    if len(words) > 1 and (found := tuple(model for model in KNOWN_MODELS if _is_of_kind(model, phrase))):
        return found
    return tuple(model for model in KNOWN_MODELS if all(_fits(model, word) for word in words))


def similar_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return what words that fit no model may have been meant as: names of models, or a style or an architecture."""
    phrase = " ".join(words)
    names = tuple(model.name for model in find_near_models(phrase))
    if canonical(WordKind.TYPE, phrase) is not None:  # a word that is understood, but not asked about here
        return names[:_MOST]
    kinds = (nearest_word(kind, phrase) for kind in _KINDS)
    return names[:_MOST] or tuple(value for value in kinds if value is not None and find_known_models([value]))[:1]


def _is_value(phrase: str) -> bool:
    """Return whether a phrase is the very name of a style or an architecture, such as `sd1`."""
    return any(fold(canonical(kind, phrase) or "") == fold(phrase) != "" for kind in _KINDS)


def _fits(model: KnownModel, word: str) -> bool:
    """Return whether a word fits. A word for a style means nothing else: "anime" is in names of other styles, too."""
    if canonical(WordKind.STYLE, word) is not None:
        return _is_of_kind(model, word)
    return _is_of_kind(model, word) or _has_text(model, word)


def _is_of_kind(model: KnownModel, word: str) -> bool:
    return model.style == canonical(WordKind.STYLE, word) or model.architecture == canonical(_KINDS[1], word)


def _has_text(model: KnownModel, text: str) -> bool:
    names = (model.name, *model.aliases, *model.words, *model.repositories)
    return any(text.casefold() in name.casefold() for name in names)


def models_pulled_as(name: str, catalog: Catalog) -> list[ModelRecord]:
    """Return the catalog's models that were pulled from where the known models of this name are published.

    Their files have names of their own: "Anything V5" is AnythingXL_v50 there.
    """
    sources = {source for model in find_named_models(name) for source in (model.source, *model.repositories) if source}
    if not sources:
        return []
    pulled = catalog.records(ModelQuery(terms=(make_term("source", "local", negated=True),)))
    return [
        record
        for record in pulled
        if any(sources & {source.reference, source.requested, _with_path(source)} for source in record.sources)
    ]


def _with_path(source: Source) -> str:
    return f"{source.reference}/{source.path}"
