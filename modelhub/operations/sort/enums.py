"""The words that the rules of a sort consist of."""

from __future__ import annotations

from enum import StrEnum


class SortMode(StrEnum):
    """The way in which a model gets to its place."""

    MOVE = "move"
    COPY = "copy"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    REFLINK = "reflink"


class SortDuplicates(StrEnum):
    """The treatment of a file whose content is in the target already."""

    LEAVE = "leave"
    TRASH = "trash"


class SortGrouping(StrEnum):
    """A property by which models get sub-folders."""

    ARCHITECTURE = "architecture"
    STYLE = "style"
