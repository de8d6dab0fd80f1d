"""Parse references to a repository, a revision and a file at a Hugging Face hub; no network.

Understood: `org/name`, `org/name@revision`, `org/name/path/file`, `hf:…`, `hf://…`, and the addresses of a
repository's tree, blob, raw and resolve pages on any known host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from modelhub.errors import UsageError

PUBLIC_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"})

_NAME = r"[A-Za-z0-9](?:[\w.-]*\w)?"
# A revision is one path segment, or one of the hub's own references of three.
_REVISION = r"refs/(?:pr|convert|heads|tags)/[^/]+|[^/]+"
_REPOSITORY = re.compile(rf"(?P<repo>{_NAME}/{_NAME})(?:@(?P<revision>{_REVISION}))?(?:/+(?P<path>.*))?", re.ASCII)
_SCHEME = re.compile(r"(?:hf|huggingface):(?://)?(?P<rest>.*)", re.IGNORECASE)
_PAGE = re.compile(rf"(?:tree|blob|raw|resolve|commit|commits)/(?P<revision>{_REVISION})(?:/+(?P<path>.*))?")
# "huggingface.co/org/name" and "civitai.com/models/1" are addresses without their scheme, not repositories.
_HOST = re.compile(r"(?:[\w-]+\.)+(?:com|co|org|net|io|ai|green|red|cn)(?::\d+)?", re.IGNORECASE)
_OTHER_KINDS = ("datasets", "spaces", "kernels", "buckets")
_NOT_REPOSITORIES = frozenset({*_OTHER_KINDS, "api", "collections", "docs", "papers", "blog", "settings", "models"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubReference:
    """A repository ("org/name"), a branch, tag or commit (None: the main branch), and a file or folder in it."""

    repository: str
    revision: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.repository}{revision}{f'/{self.path}' if self.path else ''}"


def parse(source: str, *, hosts: frozenset[str] = PUBLIC_HOSTS) -> HubReference | None:
    """Return the reference in `source`, None where it is not one to a hub.

    `hosts` are the hosts (with `:port` where one is given) whose addresses are a hub's. Raise UsageError for a
    reference to a hub that does not name a model repository.
    """
    words = source.strip()
    if words.split("/")[0].lower() in hosts:
        words = f"https://{words}"
    elif _HOST.fullmatch(words.split("/")[0]):
        return None
    parts = urlsplit(words) if "://" in words[:9].lower() else None
    if parts is not None and parts.scheme.lower() in ("http", "https"):
        return _from_address(words, parts.path, parts.netloc, hosts)
    scheme = _SCHEME.fullmatch(words)
    rest = scheme["rest"] if scheme else words
    if scheme:
        _refuse_other_kinds(words, rest)
        rest = rest.removeprefix("models/")
    match = _REPOSITORY.fullmatch(rest)
    if match is None:
        if scheme:
            raise UsageError(
                f"`{words}` does not name a repository.", "Write hf:org/name, hf:org/name@revision or hf:org/name/file."
            )
        return None
    return _reference(words, match["repo"], match["revision"], match["path"])


def is_repository(name: str) -> bool:
    """Return whether `name` is a name that a hub accepts for a repository, "org/name"."""
    match = _REPOSITORY.fullmatch(name)
    return match is not None and match["repo"] == name and ".." not in name and "--" not in name and len(name) <= 200


def _from_address(words: str, path: str, netloc: str, hosts: frozenset[str]) -> HubReference | None:
    host = netloc.rpartition("@")[2].lower()
    if host not in hosts:
        return None
    rest = path.strip("/")
    _refuse_other_kinds(words, rest)
    rest = rest.removeprefix("api/models/")
    # Encoded slashes belong to a revision ("refs%2Fpr%2F1"); the whole is decoded once, as the hub does.
    match = _REPOSITORY.fullmatch(unquote(rest))
    if match is None or match["repo"].split("/")[0] in _NOT_REPOSITORIES:
        hint = "Use the address of a model's page, such as https://huggingface.co/org/name."
        raise UsageError(f"{words} is not the page of a model repository.", hint)
    page = _PAGE.fullmatch(match["path"] or "")
    if page is not None:
        return _reference(words, match["repo"], page["revision"], page["path"])
    return _reference(words, match["repo"], match["revision"], None)


def _reference(words: str, repository: str, revision: str | None, path: str | None) -> HubReference:
    cleaned = "/".join(part for part in (path or "").split("/") if part)
    if any(part in (".", "..") for part in cleaned.split("/")):
        raise UsageError(f"`{words}` leaves its repository with `..`.", "Use the path of the file in the repository.")
    if ".." in repository or "--" in repository:
        raise UsageError(f"`{repository}` is not a valid name of a repository.", "Names have no `--` and no `..`.")
    return HubReference(repository=repository.removesuffix(".git"), revision=revision or None, path=cleaned or None)


def _refuse_other_kinds(words: str, rest: str) -> None:
    kind = rest.removeprefix("api/").split("/")[0]
    if kind in _OTHER_KINDS:
        raise UsageError(f"{words} is not a model, but in the hub's {kind}.", "Only model repositories can be pulled.")
