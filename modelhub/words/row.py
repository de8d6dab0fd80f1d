"""One row of the table of words: a value that modelhub stores, and what else people call it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A value and its synonyms.

    `english` and `chinese` mean the same as the value; case, width and the separators between parts do not matter.
    `related` words mean something else that the value is the nearest answer to: they are suggested, never accepted.
    """

    value: str
    english: tuple[str, ...] = ()
    chinese: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


Rows = tuple[Row, ...]
