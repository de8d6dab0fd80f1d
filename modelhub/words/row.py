"""One row of the table of words: a value that modelhub stores, and what else people call it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WordKind(StrEnum):
    """A kind of choice. A word may differ in meaning from kind to kind: "full" is a variant, and a precision."""

    TYPE = "type"
    STYLE = "style"
    ARCHITECTURE = "architecture"
    VARIANT = "variant"
    WEIGHT_SET = "weight set"
    PRECISION = "precision"
    FORMAT = "format"
    COMPONENT = "component"
    PREDICTION = "prediction"
    VERDICT = "verdict"
    STATE = "state"
    RENDERED = "rendered"
    YES_NO = "yes or no"
    SOURCE = "source"
    FIELD = "field"
    USER_FIELD = "user field"
    SORT = "sort order"
    UI = "UI"
    PURPOSE = "purpose"
    MODE = "mode"
    DUPLICATES = "rule for duplicates"
    GROUPING = "grouping"
    DEVICE = "device"
    TOPIC = "topic"


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
