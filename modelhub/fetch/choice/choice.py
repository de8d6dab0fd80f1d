"""The choice among the files of a remote model, and the reasons for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from modelhub.errors import Remedy, UsageError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.quantities import format_size


class ModelLayout(StrEnum):
    """The way that chosen files form models. FILE: each is a model of its own; DIFFUSERS: one model of many files."""

    FILE = "file"
    DIFFUSERS = "diffusers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model file that was considered: its `role` in a few words ("fp16 emaonly safetensors"), whether it is chosen
    and for which `reason`. A `refused` file must not be taken, because it could run code.
    """

    file: RemoteFile
    role: str
    chosen: bool
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChoice:
    """The files to take.

    `root` is the folder of the repository in which a diffusers model starts ("" for the top). `candidates` are all
    model files that were considered, the chosen ones first.
    """

    files: tuple[RemoteFile, ...]
    layout: ModelLayout
    reason: str
    root: str = ""
    candidates: tuple[Candidate, ...] = ()

    @property
    def refused(self) -> tuple[Candidate, ...]:
        """The candidates that must not be taken because they could run code."""
        return tuple(candidate for candidate in self.candidates if candidate.refused)

    @property
    def size(self) -> int:
        """Bytes to take, as far as the source states sizes."""
        return sum(file.size or 0 for file in self.files)


class AmbiguousChoiceError(UsageError):
    """Several models fit equally well; `candidates` are these."""

    def __init__(
        self, summary: str, remedy: Remedy, candidates: tuple[Candidate, ...], *, details: Iterable[str]
    ) -> None:
        super().__init__(summary, remedy, details=details)
        self.candidates = candidates


def total_size(files: Iterable[RemoteFile]) -> int | None:
    """Return the bytes of all files together, None unless the source states every size."""
    total = 0
    for file in files:
        if file.size is None:
            return None
        total += file.size
    return total


def list_files(files: Iterable[RemoteFile], *, limit: int = 20) -> list[str]:
    """Return names and sizes, one per line, for the details of an error."""
    rows = [f"{file.name} ({format_size(file.size)})" for file in files]
    left = len(rows) - limit
    return rows[:limit] + ([f"… and {left} more"] if left > 0 else [])
