"""The values that every source of models returns, and the protocols of its fetcher.

A new source is a module with a fetcher and a `SourceRow` (`sources/source.py`), and one line in `sources/registry.py`
or, in another distribution, an entry point of the group `modelhub.sources`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from modelhub.domain import TriggerWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A secret header that goes to one origin only (scheme://host[:port]); the value never shows in a repr."""

    origin: str
    header: str = "Authorization"
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file that can be downloaded.

    `name`: its path in the repository with `/` as separator (untrusted: made safe before use). `size` in bytes and
    `sha256` (hex) are enforced where the source states them; `git_sha1` is the blob id of small files kept in git.
    `headers` are extra request headers without secrets. `kind` is the source's own word for the file ("Model",
    "Training Data", …); `facts` are statements of the source (fp, size, format, primary) that help to choose.
    `scan` is the verdict of the source's malware scan ("safe", "unsafe", "queued" …), None where there is none.
    `listed_by` is the address of the service that named `url` in an answer: the request is bound by the rules for
    redirects from there. `most_bytes` is the largest size to accept where `size` is not stated.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None
    etag: str | None = None
    credential: Credential | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    scan: str | None = None
    listed_by: str | None = None
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteVersion:
    """One version of a model that has a file to download. `deadline`: when its early access ends, None without one.

    `is_ordinary` is False for a version that its source describes as distilled for few steps, or for inpainting.
    """

    id: str
    name: str
    base_model: str | None = None
    deadline: str | None = None
    is_ordinary: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteModel:
    """A model at its source: its files, and everything that the source states about them.

    `kind` is that of the source's row. `reference` can be pulled again; `requested` is the reference that was given
    where the model has moved since. `notices` are lines that the user should read (moved, early access ends …).
    `repository` is "org/name" where the source has repositories. `wanted` is the file or folder that the reference
    itself named. `components` are the folders that a `model_index.json` at the top names (empty where there is none
    or it could not be read). `previews` are the addresses of pictures that show the model; `document` is the text of
    a `.civitai.info` beside it. `versions` are all that can be downloaded, in the source's order (newest first),
    where the source has versions and lists them; `version` is the one that was resolved, and `version_reason` the
    phrase why it was chosen, such as "the newest version".
    """

    kind: str
    reference: str
    title: str
    files: tuple[RemoteFile, ...]
    requested: str | None = None
    revision: str | None = None
    commit: str | None = None
    page: str | None = None
    license: str | None = None
    tags: tuple[str, ...] = ()
    base_model: str | None = None
    model_type: str | None = None
    trigger_words: tuple[TriggerWord, ...] = ()
    notices: tuple[str, ...] = ()
    wanted: str | None = None
    repository: str | None = None
    components: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()
    document: str = ""
    versions: tuple[RemoteVersion, ...] = ()
    version: RemoteVersion | None = None
    version_reason: str = ""


class Fetcher(Protocol):
    """A client of one source. `kind` is that of its row."""

    kind: str

    def claims(self, source: str) -> bool:
        """Return whether `source` is a reference to this source, without using the network."""

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the model that `source` refers to, at `revision` or at its newest.

        Raise NotFoundError, AccessError, NetworkError or UsageError, each of which names the source and a remedy.
        """


@runtime_checkable
class CommitLookup(Protocol):
    """A fetcher whose source keeps repositories with commits."""

    def resolve_if_changed(self, source: str, *, revision: str | None, since: str) -> RemoteModel | None:
        """Return what `Fetcher.resolve` returns, None, after a single request, where the commit is still `since`."""


@runtime_checkable
class HashLookup(Protocol):
    """A fetcher whose source knows models by the hashes of their files. `offline`: every request is refused."""

    kind: str
    offline: bool

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return what `Fetcher.resolve` returns."""

    def by_hashes(self, digests: Iterable[str]) -> dict[str, RemoteModel]:
        """Return the models that hold files with these SHA-256, by SHA-256 (lower case), without the unknown ones."""
