"""Terms that plain words may have been meant as: `list 底模` looks for the text, `list type:base` for the type."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.catalog.query_fields import FIELDS
from modelhub.catalog.query_parser import has_terms
from modelhub.words import WordKind, canonical

# The fields whose words people use without naming the field; a word of several goes to the first.
_SUGGESTED = ("type", "style", "arch", "variant", "format", "precision", "source")


def suggest_terms(arguments: Sequence[str]) -> list[str] | None:
    """Return the arguments of a query with terms in place of the words that mean a value; None where no word does."""
    plain = [argument for argument in arguments if not has_terms([argument])]
    phrase = _term(" ".join(plain)) if len(plain) > 1 else None
    if phrase is not None:
        return [phrase, *(argument for argument in arguments if argument not in plain)]
    terms = {argument: term for argument in plain if (term := _term(argument)) is not None}
    return [terms.get(argument, argument) for argument in arguments] if terms else None


def _term(text: str) -> str | None:
    for name in _SUGGESTED:
        words = FIELDS[name].words or WordKind.TYPE
        value = canonical(words, text)
        if value not in (None, "unknown"):
            return f"{name}:{value}"
    return None
