"""The words that the rules of a sort consist of."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from modelhub.errors import UsageError

_Word = TypeVar("_Word", bound=StrEnum)


class Mode(StrEnum):
    """The way in which a model gets to its place."""

    MOVE = "move"
    COPY = "copy"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    REFLINK = "reflink"


class Duplicates(StrEnum):
    """The treatment of a file whose content is in the target already."""

    LEAVE = "leave"
    TRASH = "trash"


class Grouping(StrEnum):
    """A property by which models get sub-folders."""

    ARCHITECTURE = "architecture"
    STYLE = "style"


def member(kind: type[_Word], word: str) -> _Word:
    """Return the member of that value. Raise UsageError that lists the valid values."""
    try:
        return kind(word)
    except ValueError as exc:
        raise UsageError(f"`{word}` is not a valid value.", f"Choose {_choices(list(kind))}.") from exc


def _choices(words: Sequence[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"
