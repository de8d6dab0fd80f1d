"""What a user may criteria of a repository, and what a choice among its files says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelhub.errors import UsageError
from modelhub.fetch.fetcher import RemoteFile

# Why a file may not be taken, by `identity`.
Refusals = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One file of a choice's table: `role` in a few words ("fp16 emaonly safetensors"), whether it is taken, why.

    `refused`: it may not be taken, because it could run code.
    """

    file: RemoteFile
    role: str
    chosen: bool
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChoice:
    """The files to take. `layout`: "file" (each a model of its own) or "diffusers" (one model of many files).

    `root` is the folder in the repository that a diffusers model starts at ("" for the top). `candidates` are all
    model files that were looked at, the taken ones first.
    """

    files: tuple[RemoteFile, ...]
    layout: str
    reason: str
    root: str = ""
    candidates: tuple[Candidate, ...] = ()

    @property
    def refused(self) -> tuple[Candidate, ...]:
        """The candidates that may not be taken because they could run code."""
        return tuple(candidate for candidate in self.candidates if candidate.refused)

    @property
    def size(self) -> int:
        """Bytes to take, as far as the source states sizes."""
        return sum(file.size or 0 for file in self.files)


class AmbiguousChoiceError(UsageError):
    """Several files fit equally well; `candidates` are these."""

    def __init__(self, message: str, hint: str, candidates: tuple[Candidate, ...]) -> None:
        super().__init__(message, hint)
        self.candidates = candidates


def identity(file: RemoteFile) -> tuple[str, str]:
    """What tells files of one model apart; names alone do not (Civitai has fp16 and fp32 under one name)."""
    return file.name, file.url


def readable_size(size: int | None) -> str:
    """ "4.27 GB" in decimal units, as hubs show sizes; "? B" when unknown."""
    if size is None:
        return "? B"
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB" if number < 1000 else f"{number:.0f} GB"


def listing(files: Iterable[RemoteFile], *, most: int = 20) -> str:
    """Names and sizes, one a line, for an error's text."""
    rows = [f"  {file.name} ({readable_size(file.size)})" for file in files]
    more = [f"  … and {len(rows) - most} more"] if len(rows) > most else []
    return "\n".join(rows[:most] + more)
