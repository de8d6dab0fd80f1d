"""What every source of models answers with, and the protocol that makes a new source one file."""

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
    `headers` are harmless extra request headers. `kind` is the source's own word for the file ("Model",
    "Training Data", …); `facts` are the source's statements (fp, size, format, primary) that help to choose.
    `scan` is the source's own malware verdict ("safe", "unsafe", "queued" …), None where it gives none.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteVersion:
    """One version of a model that has a file to download. `deadline`: when its early access ends, None without one."""

    id: str
    name: str
    base_model: str | None = None
    deadline: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteModel:
    """What a source holds under one reference: its files and everything it says about them.

    `kind`: "huggingface", "civitai", "modelscope" or "url". `reference` can be pulled again; `requested` is what was
    asked for when that name has moved. `notices` are lines that the user should read (moved, early access ends …).
    `repository` is "org/name" where the source has repositories. `wanted` is the file or folder that the reference
    itself named. `components` are the folders that a `model_index.json` at the top names (empty where there is none
    or it could not be read). `previews` are the addresses of pictures that show the model; `document` is what Civitai
    says of the version, as JSON for a `.civitai.info` beside it. `versions` are all that
    can be had, in the source's order (newest first), where it has versions and told them.
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


class Fetcher(Protocol):
    """A source of models. `wanted` in its answer is the one file that the reference itself named, if any."""

    kind: str

    def claims(self, source: str) -> bool:
        """Whether this fetcher understands the words of `source`; must not touch the network."""

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Ask the source what it holds.

        Raises NotFoundError, AccessError, NetworkError or UsageError, each naming the source and the next step.
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
