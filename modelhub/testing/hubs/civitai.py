"""Civitai on 127.0.0.1: its API and downloads on one port, the storage that they are redirected to on another.

Its models are items of `GET /api/v1/models`. Files with a given content have its true size and hashes; the others can
be looked up, but not downloaded.
"""

from __future__ import annotations

import copy
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from modelhub.testing.hubs.blobs import Blob, Handler, blob_of

_BATCH = 100


@dataclass(frozen=True)
class Request:
    """One request that the site or its storage has received."""

    origin: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class Refusals:
    """Refusals of the site: by version id the deadline of early access, and ids that need a login or are archived.

    `batches`: whether many hashes can be looked up in one request.
    """

    early_access: Mapping[int, str] = field(default_factory=dict)
    login: frozenset[int] = frozenset()
    archived: frozenset[int] = frozenset()
    batches: bool = True


class CivitaiSite:
    """A server, which is a context manager. `url` is its endpoint, `storage_url` the origin of the files.

    `contents` are files by name. `token` is the one valid API key.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        *,
        contents: Mapping[str, bytes | Path | Blob] | None = None,
        token: str = "civitai-right",
        refusals: Refusals | None = None,
    ) -> None:
        self.items = [copy.deepcopy(dict(item)) for item in items]
        self.blobs = {name: blob_of(content) for name, content in (contents or {}).items()}
        self.token = token
        self.refusals = refusals or Refusals()
        self.requests: list[Request] = []
        self._failures: list[tuple[int, dict[str, str]]] = []
        self._lock = Lock()
        self._site, self._storage = _Server(self, _Site), _Server(self, _Storage)
        self.url = f"http://127.0.0.1:{self._site.server_port}"
        self.storage_url = f"http://127.0.0.1:{self._storage.server_port}"
        for _, version in self.versions():
            for file in version["files"]:
                self.set_true_values(file)

    def __enter__(self) -> CivitaiSite:
        for server in (self._site, self._storage):
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._site, self._storage):
            server.shutdown()
            server.server_close()

    def fail(self, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next `times` API requests with `status`."""
        with self._lock:
            self._failures += [(status, headers)] * times

    def take_failure(self) -> tuple[int, dict[str, str]] | None:
        """Return the next failure that is due, None without one."""
        with self._lock:
            return self._failures.pop() if self._failures else None

    def record(self, request: Request) -> None:
        """Record a request."""
        with self._lock:
            self.requests.append(request)

    def versions(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield every model with every version of it."""
        for item in self.items:
            for version in item["modelVersions"]:
                yield item, version

    def version_answer(self, item: Mapping[str, Any], version: Mapping[str, Any]) -> dict[str, Any]:
        """Return a version in the form of an answer of its own."""
        about = {name: item.get(name) for name in ("name", "type", "nsfw", "poi")}
        return {**version, "model": about}

    def set_true_values(self, file: dict[str, Any]) -> None:
        """Set the address, size and hashes of a file to those that this server has."""
        path = urlsplit(file["downloadUrl"])
        file["downloadUrl"] = f"{self.url}{path.path}{f'?{path.query}' if path.query else ''}"
        blob = self.blobs.get(file["name"])
        if blob is not None:
            file["sizeKB"] = blob.size / 1024
            content = blob.open().read()
            digest = blob.sha256.upper()
            file["hashes"] = {"SHA256": digest, "AutoV2": digest[:10], "CRC32": f"{zlib.crc32(content):08X}"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, site: CivitaiSite, handler: type[_Civitai]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.site = site


class _Civitai(Handler):
    server: _Server
    origin = ""

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        body = None
        if self.command == "POST":
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.server.site.record(Request(self.origin, self.command, self.path, dict(self.headers), body))
        self.answer(body)

    do_POST = do_GET  # noqa: N815

    def do_HEAD(self) -> None:  # noqa: N802
        self.refuse(405, "Method not allowed")

    def answer(self, body: Any) -> None:
        """Answer one request."""
        raise NotImplementedError

    def refuse(self, status: int, error: str, **more: Any) -> None:
        """Send an error: JSON, or a page to a client that identifies itself as a browser."""
        if "Mozilla" in self.headers.get("User-Agent", ""):
            self.send_text(f"<!DOCTYPE html><title>{error}</title>", status=status, kind="text/html")
        else:
            self.send_json({"error": error, **more}, status=status)


class _Storage(_Civitai):
    origin = "storage"

    def answer(self, body: Any) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        if "Authorization" in self.headers:
            return self.refuse(400, "Only one auth mechanism allowed")
        blob = next(blob for blob in self.server.site.blobs.values() if blob.sha256 == name)
        return self.send_blob(blob, etag=f'"{blob.sha256[:32]}"')


class _Site(_Civitai):
    origin = "site"

    def answer(self, body: Any) -> None:
        failure = self.server.site.take_failure()
        if failure is not None:
            status, headers = failure
            return self.send_json({"error": "Try later"}, status=status, headers=headers)
        authorization = self.headers.get("Authorization")
        if authorization not in (None, f"Bearer {self.server.site.token}"):
            return self.refuse(401, "Unauthorized")
        path = urlsplit(self.path).path
        for pattern, name in _ROUTES:
            match = pattern.fullmatch(path)
            if match:
                getattr(self, name)(body, *match.groups())
                return None
        return self.refuse(404, "Not found")

    def model(self, body: Any, number: str) -> None:
        """Send a model with its versions."""
        for item in self.server.site.items:
            if item["id"] == int(number):
                return self.send_json(item)
        return self.refuse(404, f"No model with id {number}")

    def version(self, body: Any, number: str) -> None:
        """Send one version."""
        for item, version in self.server.site.versions():
            if version["id"] == int(number):
                return self.send_json(self.server.site.version_answer(item, version))
        return self.refuse(404, "Model not found")

    def by_hash(self, body: Any, digest: str) -> None:
        """Send the version with a file of this hash of any kind."""
        site = self.server.site
        for item, version in site.versions():
            if any(digest.upper() in file["hashes"].values() for file in version["files"]):
                return self.send_json(site.version_answer(item, version))
        return self.refuse(404, "Model not found")

    def by_hashes(self, body: Any) -> None:
        """Send the versions with files of these SHA-256, one for each file; null where a version cannot be shown."""
        if not self.server.site.refusals.batches:
            return self.refuse(405, "Method not allowed")
        if self.command != "POST" or not isinstance(body, list) or len(body) > _BATCH:
            return self.refuse(400, "Request must include an array of SHA256 Hashes.")
        site, wanted = self.server.site, {str(digest).upper() for digest in body}
        found: list[Any] = [None]
        for item, version in site.versions():
            held = [file for file in version["files"] if file["hashes"]["SHA256"] in wanted]
            found += [site.version_answer(item, version)] * len(held)
        return self.send_json(found)

    def download(self, body: Any, number: str) -> None:
        """Redirect to the file of a version that the query describes."""
        site = self.server.site
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        known = {version["id"]: version for _, version in site.versions()}
        version = known.get(int(number))
        refusal = self._refusal(int(number))
        if version is None or refusal is not None:
            status, error, more = refusal or (404, "Model not found", {})
            return self.refuse(status, error, **more)
        fitting = [file for file in version["files"] if _fits(file, query)]
        blob = site.blobs.get(fitting[0]["name"]) if fitting else None
        if blob is None:
            return self.refuse(404, "Model file not found")
        location = f"{site.storage_url}/files/{blob.sha256}?X-Amz-Expires=86400&X-Amz-Signature=0"
        return self.send_text("", status=307, headers={"Location": location})

    def _refusal(self, number: int) -> tuple[int, str, dict[str, Any]] | None:
        refusals = self.server.site.refusals
        if number in refusals.archived:
            return 410, "Model archived", {}
        if number in refusals.early_access:
            return 403, "Early Access", {"deadline": refusals.early_access[number]}
        if number in refusals.login and "Authorization" not in self.headers:
            return 401, "Unauthorized", {}
        return None


_ROUTES = (
    (re.compile(r"/api/v1/models/(\d+)"), "model"),
    (re.compile(r"/api/v1/model-versions/(\d+)"), "version"),
    (re.compile(r"/api/v1/model-versions/by-hash/(\w+)"), "by_hash"),
    (re.compile(r"/api/v1/model-versions/by-hash"), "by_hashes"),
    (re.compile(r"/api/download/models/(\d+)"), "download"),
)


def _fits(file: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if not query:
        return bool(file.get("primary"))
    stated = {**(file.get("metadata") or {}), "type": file["type"]}
    return all(stated.get(name) == value for name, value in query.items())
