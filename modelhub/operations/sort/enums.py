"""The words that the rules of a sort consist of."""

from __future__ import annotations

from enum import StrEnum


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
