"""Words that are chosen from a list: an error for a word that is not in it, and a remedy with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from modelhub.errors import UsageError

_Word = TypeVar("_Word", bound=StrEnum)


def member(kind: type[_Word], word: str, *, name: str = "value") -> _Word:
    """Return the member of an enum with this value. Raise UsageError, with the valid ones; `name` is their kind."""
    try:
        return kind(word)
    except ValueError:
        raise invalid_word(word, name, kind) from None


def invalid_word(word: str, name: str, choices: Iterable[str]) -> UsageError:
    """Return the error for a word that is not one of the few `choices`; `name` is their kind, such as "precision"."""
    *others, last = (f"`{choice}`" for choice in choices)
    listed = f"{', '.join(others)} or {last}" if others else last
    return UsageError(f"`{word}` is not a valid {name}.", f"Choose {listed}.")


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return a remedy with the valid word that is most like a mistyped or shortened one, or with all of them."""
    import difflib  # only a mistyped word needs it

    known = list(choices)
    longer = [choice for choice in known if word and choice.startswith(word.lower())]
    near = longer if len(longer) == 1 else difflib.get_close_matches(word.lower(), known, n=1, cutoff=cutoff)
    return f"Did you mean `{near[0]}`?" if near else f"Choose one of: {', '.join(known)}."
