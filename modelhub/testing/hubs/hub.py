"""A Hugging Face hub on 127.0.0.1: its API on one port, the storage that large files are redirected to on another.

It implements the hub's protocol: paged trees, LFS entities by SHA-256, `X-Error-Code`, 401 for private and missing
repositories, gates, 302 to short-lived signed addresses that refuse an Authorization header, ranges with If-Range. It
needs only the standard library, so that `make demo` and benchmarks can use it too.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from modelhub.testing.hubs.blobs import Blob, Handler
from modelhub.testing.hubs.repository import Repository, entries, entry, is_lfs, repositories_in

__all__ = ["Hub", "Repository", "Request", "repositories_in"]

_TOKEN_PATTERN = re.compile(r"Bearer (\S+)")


@dataclass(frozen=True)
class Request:
    """One request that the hub or its storage has received."""

    origin: str
    method: str
    path: str
    headers: Mapping[str, str]


class Hub:
    """A server, which is a context manager. `url` is its endpoint, `storage_url` the origin of large files.

    `renamed` names redirect to their new ones; the repositories of `gone` names do not exist. `token` is the one valid
    access token, which opens private and gated repositories; None: there is none. `page_size` is the number of files
    in one page of an expanded tree; a page of a plain one has twenty times as many.
    """

    def __init__(
        self,
        repositories: Path | Mapping[str, Repository],
        *,
        gone: tuple[str, ...] = (),
        renamed: Mapping[str, str] | None = None,
        token: str | None = None,
        page_size: int = 50,
        signature_seconds: float = 3600.0,
    ) -> None:
        known = repositories_in(repositories) if isinstance(repositories, Path) else dict(repositories)
        self.repositories = {name: repository for name, repository in known.items() if name not in gone}
        self.renamed = dict(renamed or {})
        self.token = token
        self.page_size = page_size
        self.signature_seconds = signature_seconds
        self.requests: list[Request] = []
        self._busy: list[dict[str, str]] = []
        self._lock = Lock()
        self._api = _Server(self, _Api)
        self._storage = _Server(self, _Storage)
        self.url = f"http://127.0.0.1:{self._api.server_port}"
        self.storage_url = f"http://127.0.0.1:{self._storage.server_port}"

    def __enter__(self) -> Hub:
        for server in (self._api, self._storage):
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._api, self._storage):
            server.shutdown()
            server.server_close()

    def be_busy(self, times: int, *, retry_after: int | None = None, reset: int | None = None) -> None:
        """Answer 429 to the next `times` requests, with `Retry-After` or a `ratelimit` header of so many seconds."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if reset is not None:
            headers["RateLimit"] = f'"api";r=0;t={reset}'
        with self._lock:
            self._busy += [headers] * times

    def take_busy(self) -> dict[str, str] | None:
        """Return the headers of the next 429 that is due, None without one."""
        with self._lock:
            return self._busy.pop() if self._busy else None

    def record(self, request: Request) -> None:
        """Record a request."""
        with self._lock:
            self.requests.append(request)

    def signed(self, blob: Blob) -> str:
        """Return a short-lived address at the storage."""
        expires = f"{time.time() + self.signature_seconds:.3f}"
        return f"{self.storage_url}/blobs/{blob.sha256}?Expires={expires}&Signature={_signature(blob.sha256, expires)}"

    @property
    def stored(self) -> dict[str, Blob]:
        """Return all blobs by SHA-256."""
        trees = (tree for repository in self.repositories.values() for tree in repository.trees.values())
        return {blob.sha256: blob for tree in trees for blob in tree.values()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub: Hub, handler: type[_Hub]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.hub = hub


class _Hub(Handler):
    """The handler of both origins."""

    server: _Server
    origin = ""

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        self.server.hub.record(Request(self.origin, self.command, self.path, dict(self.headers)))
        busy = self.server.hub.take_busy() if self.origin == "api" else None
        if busy is not None:
            self.send_json({"error": "Too many requests"}, status=429, headers=busy)
        else:
            self.answer()

    do_HEAD = do_POST = do_GET  # noqa: N815

    def answer(self) -> None:
        """Answer one request."""
        raise NotImplementedError

    def refuse(self, status: int, code: str, message: str) -> None:
        """Send an error in the hub's form."""
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.send_json({"error": message}, status=status, headers=headers)


class _Storage(_Hub):
    origin = "storage"

    def answer(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        digest, expires = parts.path.rpartition("/")[2], query.get("Expires", "0")
        if "Authorization" in self.headers:
            self.refuse(400, "", "Only one auth mechanism allowed")
        elif query.get("Signature") != _signature(digest, expires) or float(expires) < time.time():
            self.refuse(403, "", "Request has expired")
        else:
            self.send_blob(self.server.hub.stored[digest], etag=f'"{digest}"')


class _Api(_Hub):
    origin = "api"

    def answer(self) -> None:
        path = urlsplit(self.path).path
        for pattern, name in _ROUTES:
            match = pattern.fullmatch(path)
            if match:
                return self._on_repository(getattr(self, name), *(unquote(part or "") for part in match.groups()))
        return self.refuse(404, "", "Sorry, we can't find the page you are looking for.")

    def _on_repository(self, reply: Any, name: str, revision: str, *rest: str) -> None:
        if name in self.server.hub.renamed:
            location = self.path.replace(name, self.server.hub.renamed[name], 1)
            return self.send_text("Temporary Redirect", status=307, headers={"Location": location})
        repository = self.server.hub.repositories.get(name)
        sent = _TOKEN_PATTERN.fullmatch(self.headers.get("Authorization", ""))
        valid = self.server.hub.token
        if sent and sent[1] != valid:
            return self.refuse(401, "", "Invalid credentials in Authorization header")
        if repository is None or (repository.private and not sent):
            if sent:
                return self.refuse(404, "RepoNotFound", "Repository not found")
            return self.refuse(401, "", "Invalid username or password.")
        found = repository.at(revision or "main")
        if found is None:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        reply(name, repository, *found, *rest)
        return None

    def info(self, name: str, repository: Repository, commit: str, tree: dict[str, Blob]) -> None:
        """Send the model's card and the names of its files."""
        moment = datetime(2024, 8, 30, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        license_tag = (f"license:{repository.card['license']}",) if "license" in repository.card else ()
        document = {
            "_id": hashlib.sha1(name.encode()).hexdigest()[:24],
            "id": name,
            "modelId": name,
            "author": name.split("/")[0],
            "sha": commit,
            "lastModified": moment,
            "createdAt": moment,
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "downloads": 1,
            "likes": 1,
            "tags": [*repository.tags, *license_tag, "region:us"],
            "cardData": dict(repository.card),
            "siblings": [{"rfilename": path} for path in tree],
        }
        self.send_json(document)

    def tree(self, name: str, repository: Repository, commit: str, tree: dict[str, Blob], below: str = "") -> None:
        """Send one page of the files (and folders) below a folder, with the address of the next one in `Link`."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        flag = {key: query.get(key, "").lower() in ("1", "true") for key in ("recursive", "expand")}
        listed = list(entries(repository, tree, below, recursive=flag["recursive"], expand=flag["expand"]))
        if below and not listed:
            return self.refuse(404, "EntryNotFound", f"{below} does not exist on {name}")
        start = int(query.get("cursor", "0"))
        size = self.server.hub.page_size * (1 if flag["expand"] else 20)
        headers = {}
        if start + size < len(listed):
            rest = "&".join(f"{key}={value}" for key, value in {**query, "cursor": str(start + size)}.items())
            headers["Link"] = f'<{self.server.hub.url}{urlsplit(self.path).path}?{rest}>; rel="next"'
        return self.send_json(listed[start : start + size], headers=headers)

    def paths_info(self, name: str, repository: Repository, commit: str, tree: dict[str, Blob]) -> None:
        """Send the named files."""
        form = self.read_form()
        requested = set(form.get("paths", []))
        expand = form.get("expand", ["False"])[0].lower() == "true"
        self.send_json([entry(repository, path, blob, expand) for path, blob in tree.items() if path in requested])

    def resolve(self, name: str, repository: Repository, commit: str, tree: dict[str, Blob], path: str) -> None:
        """Redirect to the address of a file."""
        if repository.gated and "Authorization" not in self.headers:
            message = f"Access to model {name} is restricted. You must have access to it and be authenticated."
            return self.refuse(401, "GatedRepo", message)
        blob = tree.get(path)
        if blob is None:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        about = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        about["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(path.rpartition('/')[2])}"
        if not is_lfs(path):
            cached = f"/api/resolve-cache/models/{name}/{commit}/{quote(path)}?etag=%22{blob.git_sha1}%22"
            etag = {"X-Linked-Etag": f'"{blob.git_sha1}"', "X-Linked-Size": str(blob.size), "Location": cached}
            return self.send_text("Temporary Redirect", status=307, headers=about | etag)
        location = self.server.hub.signed(blob)
        linked = {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(blob.size), "Location": location}
        return self.send_text("Found. Redirecting", status=302, headers=about | linked)

    def resolve_cache(self, name: str, repository: Repository, commit: str, tree: dict[str, Blob], path: str) -> None:
        """Send a small file, at the address that `resolve` redirects to."""
        about = {"X-Repo-Commit": commit, "Cache-Control": "public, immutable"}
        self.send_blob(tree[path], etag=f'"{tree[path].git_sha1}"', headers=about)

    def auth_check(self, name: str, repository: Repository, *_: object) -> None:
        """Send whether this client may read the files."""
        if repository.gated and "Authorization" not in self.headers:
            return self.refuse(401, "GatedRepo", f"Access to model {name} is restricted.")
        return self.send_json({})


_NAME = r"([^/]+/[^/]+)"
_ROUTES = (
    (re.compile(rf"/api/models/{_NAME}(?:/revision/([^/]+))?"), "info"),
    (re.compile(rf"/api/models/{_NAME}/tree/([^/]+)(?:/(.+))?"), "tree"),
    (re.compile(rf"/api/models/{_NAME}/paths-info/([^/]+)"), "paths_info"),
    (re.compile(rf"/api/models/{_NAME}()/auth-check"), "auth_check"),
    (re.compile(rf"/api/resolve-cache/models/{_NAME}/([^/]+)/(.+)"), "resolve_cache"),
    (re.compile(rf"/{_NAME}/(?:resolve|raw)/([^/]+)/(.+)"), "resolve"),
)


def _signature(digest: str, expires: str) -> str:
    return hashlib.sha256(f"storage {digest} {expires}".encode()).hexdigest()
