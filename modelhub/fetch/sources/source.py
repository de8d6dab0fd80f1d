"""A row of the registry: everything that the rest of modelhub knows about a source of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher, RemoteFile


class Versioning(StrEnum):
    """The way in which newer content of a model appears at its source.

    `COMMITS`: in a repository, whose files are compared one by one with those that were pulled; its fetcher is a
    `CommitLookup`. `VERSIONS`: as another version, with files of its own and a higher number as its id
    (`RemoteModel.versions`). `NONE`: the source does not show it.
    """

    COMMITS = "commits"
    VERSIONS = "versions"
    NONE = "none"

    @property
    def unit(self) -> str:
        """Return the word for one state of a model."""
        return "commit" if self is Versioning.COMMITS else "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParts:
    """A reference that a source gave (`RemoteModel.reference`), taken apart.

    `whole` names the repository or the model without revision, version and file; None where the reference names only
    a version, whose model is not known. `path` is a file or folder in the repository.
    """

    whole: str | None
    revision: str | None = None
    path: str | None = None


def _no_parts(reference: str) -> ReferenceParts | None:
    return None


def _no_copies(file: RemoteFile) -> Iterable[Path]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source of models. `kind` is its word in the catalog and in JSON, `name` its name for people.

    `keys` are the settings of its section, which has the name of its kind; `make` makes its fetcher from all settings
    and that section. `examples` are references as users write them. `parse` takes a reference apart without the
    network; it returns None for a text that is not a reference of this source, and may raise UsageError.
    `is_concurrent`: it may be queried about several models at once. `finds_by_hash`: its fetcher is a `HashLookup`.
    `local_copies` returns paths of files on this machine that may have the content of a remote file; the content is
    verified before a copy is used.
    """

    kind: str
    name: str
    make: Callable[[Settings, Section], Fetcher]
    keys: tuple[Key, ...] = ()
    examples: tuple[str, ...] = ()
    versioning: Versioning = Versioning.NONE
    parse: Callable[[str], ReferenceParts | None] = _no_parts
    is_concurrent: bool = False
    finds_by_hash: bool = False
    local_copies: Callable[[RemoteFile], Iterable[Path]] = _no_copies
