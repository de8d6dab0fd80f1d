"""Words that are chosen from a list: an error for a word that is not in it, and a remedy with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from modelhub.errors import Remedy, UsageError
from modelhub.words import WordKind, canonical, nearest_word, same_word

_Word = TypeVar("_Word", bound=StrEnum)


def find_choice(word: str, choices: Iterable[str], words: WordKind | None = None) -> str | None:
    """Return the choice that a word means, None for another word.

    A choice is found however it is spelled and, where it is of a kind of `words`, by its synonyms.
    """
    known = list(choices)
    found = same_word(word, known)
    if found is None and words is not None:
        found = canonical(words, word)
    return found if found in known else None


def chosen(word: str, choices: Iterable[str], words: WordKind | None = None, *, name: str = "value") -> str:
    """Return the choice that a word means. Raise UsageError, with the valid ones; `name` is their kind."""
    known = list(choices)
    found = find_choice(word, known, words)
    if found is None:
        raise invalid_word(word, name, known, words)
    return found


def member(kind: type[_Word], word: str, *, name: str = "value", words: WordKind | None = None) -> _Word:
    """Return the member of an enum that a word means. Raise UsageError as `chosen` does."""
    return kind(chosen(word, kind, words, name=name))


def invalid_word(word: str, kind: str, choices: Iterable[str], words: WordKind | None = None) -> UsageError:
    """Return the error for a word that is not one of the few `choices`; `kind`: such as "precision"."""
    known = [str(choice) for choice in choices]
    near = _nearest(word, known, words)
    if near is not None:
        remedy = did_you_mean(word, near)
    elif len(known) == 2:
        remedy = Remedy(f"Choose `{known[0]}` or `{known[1]}`.")
    else:
        remedy = Remedy(f"Choose one of: {', '.join(known)}.")
    return UsageError(f"`{word}` is not a valid {kind}.", remedy)


def did_you_mean(word: str, near: str) -> Remedy:
    """Return the remedy that names the word that was probably meant; the command line puts it into the command."""
    return Remedy(f"Did you mean `{near}`?", "near-word", {"word": word, "near": near})


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6, words: WordKind | None = None) -> Remedy:
    """Return a remedy with the valid word that is most like a mistyped or shortened one, or with all of them.

    Words of the kind `words` are compared by all of their names.
    """
    known = [str(choice) for choice in choices]
    near = _nearest(word, known, words, cutoff)
    return did_you_mean(word, near) if near is not None else Remedy(f"Choose one of: {', '.join(known)}.")


def _nearest(word: str, choices: list[str], words: WordKind | None, cutoff: float = 0.7) -> str | None:
    import difflib  # only a mistyped word needs it

    named = nearest_word(words, word, choices=choices) if words is not None else None
    if named is not None:
        return named
    longer = [choice for choice in choices if word and choice.startswith(word.lower())]
    near = longer if len(longer) == 1 else difflib.get_close_matches(word.lower(), choices, n=1, cutoff=cutoff)
    return near[0] if near else None
