"""The kinds of words that have a table."""

from __future__ import annotations

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
