"""ModelScope on 127.0.0.1: listings and cards in its envelope, parts of files with the status 200, a second origin.

The form of its answers is that of its client (https://github.com/modelscope/modelscope_hub) and of answers in the test
data of public projects: `Data.Files[]` with Path, Type, Size, Sha256 (sometimes in capitals), trees
among the blobs, `Data.LatestCommitter.Id`; `Code` 200 for success; parts of files with the status 200 instead of 206.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from modelhub.testing.hubs.blobs import Blob, Handler
from modelhub.testing.hubs.repository import Repository

_PLACE = re.compile(r"/api/v1/models/([^/]+/[^/]+)(/repo/files|/repo|)")


class ModelScope:
    """A server, which is a context manager. `url` is its endpoint; `requests` are (origin, path, headers) in order.

    `cards` are the cards by repository. `token` opens private repositories. With `redirects` the bytes come from
    another origin with the status 206; without, from the site itself with 200.
    """

    def __init__(
        self,
        repositories: Mapping[str, Repository],
        *,
        cards: Mapping[str, Mapping[str, Any]] | None = None,
        token: str | None = None,
        redirects: bool = False,
    ) -> None:
        self.repositories = dict(repositories)
        self.cards = dict(cards or {})
        self.token, self.redirects = token, redirects
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self._servers = [_Server(self, handler) for handler in (_Api, _Storage)]
        self.url, self.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> ModelScope:
        for server in self._servers:
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: ModelScope, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.site = site


class _Storage(Handler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        site = self.server.site
        site.requests.append(("storage", self.path, dict(self.headers)))
        digest = self.path.rpartition("/")[2]
        trees = (tree for repository in site.repositories.values() for tree in repository.trees.values())
        blob = next(blob for tree in trees for blob in tree.values() if blob.sha256 == digest)
        self.send_blob(blob, etag=f'"{digest}"')


class _Api(Handler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        site = self.server.site
        site.requests.append(("api", self.path, dict(self.headers)))
        parts = urlsplit(self.path)
        place = _PLACE.fullmatch(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        repository = site.repositories.get(place[1]) if place else None
        if place is None or repository is None or (repository.private and not self._is_known()):
            return self._refuse(404, 10010205001, "获取模型信息失败，信息不存在")
        if not place[2]:
            return self._send_data(dict(site.cards.get(place[1], {"Name": place[1].partition("/")[2]})))
        found = repository.at(query.get("Revision", "master").replace("master", "main"))
        if found is None:
            return self._refuse(404, 10010206002, "分支不存在")
        commit, tree = found
        if place[2] == "/repo/files":
            return self._send_data(
                {"Files": _listed(tree), "IsVisual": 0, "LatestCommitter": {"Id": commit, "Name": "某人"}}
            )
        return self._send(tree.get(query.get("FilePath", "")))

    def _is_known(self) -> bool:
        return f"m_session_id={self.server.site.token}" in self.headers.get("Cookie", "")

    def _send(self, blob: Blob | None) -> None:
        site = self.server.site
        if blob is None:
            return self._refuse(404, 10010206003, "文件不存在")
        if site.redirects:
            location = f"{site.storage_url}/blobs/{blob.sha256}"
            return self.send_text("Found", status=302, headers={"Location": location})
        return self.send_blob(blob, etag=f'"{blob.sha256}"')

    def send_head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        """Send the headers; like the site, with the status 200 also for a part of a file."""
        super().send_head(200 if status == 206 else status, length, kind, headers)

    def _send_data(self, data: object) -> None:
        self.send_json({"Code": 200, "Data": data, "Message": "success", "RequestId": "0-0", "Success": True})

    def _refuse(self, status: int, code: int, message: str) -> None:
        self.send_json({"Code": code, "Message": message, "RequestId": "0-0", "Success": False}, status=status)


def _listed(tree: Mapping[str, Blob]) -> list[dict[str, Any]]:
    folders = {path.rpartition("/")[0] for path in tree if "/" in path}
    trees = [{"Path": name, "Name": name, "Type": "tree", "Size": 0, "Sha256": ""} for name in sorted(folders)]
    blobs = [
        {
            "Path": path,
            "Name": path.rpartition("/")[2],
            "Type": "blob",
            "Size": blob.size,
            "Sha256": blob.sha256.upper() if path.startswith(".") else blob.sha256,
            "IsLFS": True,
            "Mode": "33188",
        }
        for path, blob in tree.items()
    ]
    return [*trees, *blobs]
