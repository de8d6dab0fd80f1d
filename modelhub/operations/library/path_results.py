"""What became of each path that an operation looked at; one value a path, no exceptions for what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelhub.domain import Inspection


class PathStatus(StrEnum):
    """What became of one path."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    UPDATED = "updated"
    MOVED = "moved"
    COPY = "another copy"
    BACK = "back again"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    DANGEROUS = "dangerous"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathResult:
    """One path's result. `message` says what a person should know, "" when there is nothing."""

    path: Path
    status: PathStatus
    model_id: int | None = None
    look: Inspection | None = None
    message: str = ""
