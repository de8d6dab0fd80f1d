"""Parse references to a repository, a revision and a file at ModelScope; no network.

Understood: `ms:org/name`, `ms:org/name@revision`, `ms:org/name/path/file` (or `modelscope:…`), and the addresses of a
repository's page, of its file list and of its files. modelscope.cn and modelscope.ai have different repositories: a
reference to the one that is not the default stays an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from modelhub.errors import UsageError
from modelhub.fetch.sources import huggingface_reference
from modelhub.fetch.sources.huggingface_reference import HubReference

MAIN = "master"  # the branch of a repository unless its owner says otherwise

_SITES = {
    "modelscope.cn": "https://modelscope.cn",
    "www.modelscope.cn": "https://modelscope.cn",
    "modelscope.ai": "https://www.modelscope.ai",
    "www.modelscope.ai": "https://www.modelscope.ai",
}
HOSTS = frozenset(_SITES)
_SCHEME = re.compile(r"(?:ms|modelscope):(?://)?(?P<rest>.*)", re.IGNORECASE)
_FILE = re.compile(r"(?:file/view|resolve)/(?P<revision>[^/]+)(?:/+(?P<path>.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScopeReference:
    """A repository with its revision and file, and its `site` (https://host), None for the default one."""

    hub: HubReference
    site: str | None = None

    def __str__(self) -> str:
        if self.site is None:
            return f"ms:{self.hub}"
        page = f"{self.site}/models/{self.hub.repository}"
        if self.hub.path is None and self.hub.revision is None:
            return page
        return f"{page}/resolve/{quote(self.hub.revision or MAIN, safe='')}/{quote(self.hub.path or '')}".rstrip("/")

    @property
    def whole(self) -> ModelScopeReference:
        """Return the repository without revision and file."""
        return replace(self, hub=HubReference(repository=self.hub.repository))


def parse(source: str, *, endpoint: str = _SITES["modelscope.cn"]) -> ModelScopeReference | None:
    """Return the reference in `source`, None where it is not one to ModelScope. `endpoint` is the default site.

    Raise UsageError for a reference to ModelScope that does not name a model repository.
    """
    words = source.strip()
    own = urlsplit(endpoint).netloc.lower()
    scheme = _SCHEME.fullmatch(words)
    if scheme:
        found = huggingface_reference.parse(scheme["rest"].removeprefix("models/"), hosts=frozenset())
        if found is None:
            raise UsageError(
                f"`{words}` does not name a repository.", "Write ms:org/name, ms:org/name@revision or ms:org/name/file."
            )
        return ModelScopeReference(hub=found)
    if words.split("/")[0].lower() in HOSTS | {own}:
        words = f"https://{words}"
    if not words.lower().startswith(("http://", "https://")):
        return None
    parts = urlsplit(words)
    host = parts.netloc.rpartition("@")[2].lower()
    if host != own and host not in HOSTS:
        return None
    site = endpoint if host == own else _SITES[host]
    return ModelScopeReference(hub=_from_page(words, parts.path), site=None if site == endpoint else site)


def _from_page(words: str, path: str) -> HubReference:
    kind, _, rest = unquote(path).strip("/").removeprefix("api/v1/").partition("/")
    names = rest.split("/", 2)
    found = (
        huggingface_reference.parse("/".join(names[:2]), hosts=frozenset())
        if kind == "models" and len(names) > 1
        else None
    )
    if found is None:
        hint = "Use the address of a model's page, such as https://modelscope.cn/models/org/name."
        raise UsageError(f"{words} is not the page of a model repository.", hint)
    page = _FILE.fullmatch(names[2]) if len(names) > 2 else None
    if page is None:
        return found
    inner = "/".join(part for part in (page["path"] or "").split("/") if part)
    if ".." in inner.split("/"):
        raise UsageError(f"`{words}` leaves its repository with `..`.", "Use the path of the file in the repository.")
    return replace(found, revision=page["revision"] if page["revision"] != MAIN else None, path=inner or None)
