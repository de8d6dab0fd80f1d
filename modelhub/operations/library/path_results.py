"""The result of `add` and `scan` for one path. What is expected to fail is a result, not an exception."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from pathlib import Path

from modelhub.domain import Inspection
from modelhub.errors import Exit, ModelhubError, Remedy
from modelhub.formats.foreign.signatures import names_packed_content
from modelhub.storage.walk import UNFINISHED, names_archive


class PathStatus(StrEnum):
    """A change of the catalog, or of a file, that `add` or `scan` reports for a path."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    UPDATED = "updated"
    MOVED = "moved"
    COPY = "another copy"
    BACK = "back again"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    DANGEROUS = "dangerous"
    UNPACKED = "unpacked"
    PASSED_OVER = "passed over"
    FAILED = "failed"
    NOT_FOUND = "not found"


class SkipReason(Enum):
    """A kind of files that are passed over."""

    UNFINISHED = auto()
    ARCHIVE = auto()
    NOT_A_MODEL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class PathResult:
    """The result for one path.

    `inspection` is set where the file was read. `message` and `remedy` say what else there is to know and to do, empty
    when there is nothing. `model_id` is None when the path is not in the catalog.
    """

    path: Path
    status: PathStatus
    model_id: int | None = None
    inspection: Inspection | None = None
    message: str = ""
    remedy: Remedy = field(default_factory=Remedy)


class PassedOverError(ModelhubError):
    """A file of a folder is not a model that modelhub reads; the folder's other files are not affected."""


def failed_result(path: Path, error: ModelhubError) -> PathResult:
    """Return the result for a path that was not added because of an error."""
    status = PathStatus.DANGEROUS if error.code is Exit.UNSAFE else PathStatus.FAILED
    if isinstance(error, PassedOverError):
        status = PathStatus.PASSED_OVER
    elif error.code is Exit.NOT_FOUND:
        status = PathStatus.NOT_FOUND
    return PathResult(path=path, status=status, message=error.message, remedy=error.remedy)


def unreadable_place(place: Path, reason: str) -> PathResult:
    """Return the result for a file or folder that could not be searched."""
    return PathResult(path=place, status=PathStatus.FAILED, message=f"{place} cannot be read: {reason}.")


def passed_over(path: Path, sentence: str) -> PathResult:
    """Return the result for a file that was found in a folder and is not a model that modelhub reads."""
    return PathResult(path=path, status=PathStatus.PASSED_OVER, message=sentence)


def refused_if_named(result: PathResult, named: Collection[Path]) -> PathResult:
    """Return the result as a failure if a file is passed over that the user has named."""
    is_refused = result.status is PathStatus.PASSED_OVER and result.path in named
    return replace(result, status=PathStatus.FAILED) if is_refused else result


def skip_reason(result: PathResult) -> SkipReason:
    """Return the kind of a file that was passed over."""
    if result.message == UNFINISHED:
        return SkipReason.UNFINISHED
    text = result.message
    is_packed = "archive" in text or names_archive(text) or names_packed_content(text)
    return SkipReason.ARCHIVE if is_packed else SkipReason.NOT_A_MODEL
