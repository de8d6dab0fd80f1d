"""Translate sentences of the front ends, and recognize those of everything below."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from modelhub.language.choice import ENGLISH

if TYPE_CHECKING:
    from modelhub.language.catalog import LanguageCatalog
    from modelhub.language.recognition import Recognizer

_current = ENGLISH


def use_language(tag: str) -> None:
    """Show everything in this language from now on, for the whole process. `tag` is a key of `LANGUAGES`."""
    global _current
    _current = tag


def current_language() -> str:
    """Return the language in use."""
    return _current


def language_tag() -> str:
    """Return the tag of the language in use as HTML states it, such as "zh-Hans"."""
    return _current.replace("_", "-")


def _(template: str, /, **fields: Any) -> str:
    """Return a sentence in the language in use; `{name}` in the template stands for the field of that name."""
    if _current != ENGLISH:
        return _filled(_catalog(_current).get(template), fields)
    return template.format(**fields) if fields else template


def plural(count: int, one: str, many: str, /, **fields: Any) -> str:
    """Return the sentence for a count in the language in use: `one` for 1, else `many`, with `{count}` filled in."""
    template = one if count == 1 else many
    if _current != ENGLISH:
        return _filled(_catalog(_current).get_plural(one, many, count), {"count": count, **fields})
    return template.format(count=count, **fields)


def translate(sentence: str) -> str:
    """Return an English sentence in the language in use, unchanged where its template is not known."""
    if _current == ENGLISH or not sentence:
        return sentence
    return _recognizer(_current).translate(sentence)


def _filled(template: str, fields: Mapping[str, Any]) -> str:
    from modelhub.language.spacing import close_up

    return close_up(template.format(**fields)) if fields else template


@cache
def _catalog(tag: str) -> LanguageCatalog:
    from modelhub.language.catalog import load_catalog  # English needs none

    return load_catalog(tag)


@cache
def _recognizer(tag: str) -> Recognizer:
    from modelhub.language.recognition import Recognizer

    return Recognizer(_catalog(tag))
