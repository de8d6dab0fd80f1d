"""Look up the value that a word means, and the nearest value for a word that means none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from modelhub.words.kinds import WordKind

if TYPE_CHECKING:
    from modelhub.words.row import Row, Rows

_SEPARATORS = r"[\s\-_.·]+"
# Words that may follow a type or a topic without changing it: "LoRA models", "VAE模型".
_ENDINGS = ("模型", "models", "model", "files", "file", "s")
_WITH_ENDINGS = (WordKind.TYPE, WordKind.TOPIC)
# Words of two Chinese characters share only half of them with a mistyped one.
_CUTOFF = 0.7
_CHINESE_CUTOFF = 0.5


def rows_of(kind: WordKind) -> Rows:
    """Return the table of a kind of words."""
    from modelhub.words.tables import ROWS  # most commands need no table, and must start at once

    return ROWS[kind]


def fold(word: str) -> str:
    """Return a word without case, width and separators: "EMA-only" and "ｅｍａ＿ｏｎｌｙ" are the same."""
    return re.sub(_SEPARATORS, "", unicodedata.normalize("NFKC", word).casefold())


def canonical(kind: WordKind, word: str) -> str | None:
    """Return the value that a word of this kind means, None for an unknown word."""
    known, plain = _meanings(kind), fold(word)
    if plain in known or kind not in _WITH_ENDINGS:
        return known.get(plain)
    shorter = (plain.removesuffix(ending) for ending in _ENDINGS if plain.endswith(ending))
    return next((known[part] for part in shorter if part in known), None)


def same_word(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a word is, however it is spelled; None for another word."""
    known, plain = list(choices), fold(word)
    if word in known:
        return word
    return next((choice for choice in known if plain and fold(choice) == plain), None)


def nearest_word(kind: WordKind, word: str, *, choices: Iterable[str] | None = None) -> str | None:
    """Return the value whose names are most like a word, None where nothing is near; only `choices`, where given."""
    import difflib  # only a mistyped word needs it

    plain = fold(word)
    allowed = None if choices is None else set(choices)
    spellings = {
        spelled: value
        for spelled, value in (_meanings(kind) | _related(kind)).items()
        if allowed is None or value in allowed
    }
    if plain in spellings:
        return spellings[plain]
    longer = {value for spelled, value in spellings.items() if len(plain) > 1 and spelled.startswith(plain)}
    if len(longer) == 1:
        return longer.pop()
    near = difflib.get_close_matches(plain, spellings, n=1, cutoff=_CUTOFF if plain.isascii() else _CHINESE_CUTOFF)
    return spellings[near[0]] if near else None


def synonyms(kind: WordKind, value: str) -> tuple[str, ...]:
    """Return every other word of this kind for a value, the English ones first."""
    return next((row.english + row.chinese for row in rows_of(kind) if row.value == value), ())


@cache
def _meanings(kind: WordKind) -> dict[str, str]:
    return {fold(word): row.value for row in rows_of(kind) for word in _names(row)}


@cache
def _related(kind: WordKind) -> dict[str, str]:
    return {fold(word): row.value for row in rows_of(kind) for word in row.related}


def _names(row: Row) -> tuple[str, ...]:
    return (row.value, *row.english, *row.chinese)
