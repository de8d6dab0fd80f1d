"""Models at plain http and https addresses: one address, one file."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from modelhub.errors import NetworkError, UsageError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.limits import TransferSettings
from modelhub.fetch.session import shown
from modelhub.fetch.transfer import probe

_OTHERS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"} | {
    f"{www}civitai.{end}" for www in ("", "www.") for end in ("com", "green", "red")
})  # fmt: skip


class PlainHttp:
    """Any http or https address. `others`: more hosts (`host` or `host:port`) that belong to another source."""

    kind = "url"

    def __init__(
        self,
        *,
        others: Collection[str] = (),
        offline: bool = False,
        settings: TransferSettings | None = None,
    ) -> None:
        self._others = _OTHERS | {host.lower() for host in others}
        self._offline = offline
        self._settings = settings or TransferSettings()

    def claims(self, source: str) -> bool:
        """Whether `source` is an http or https address of no host that has a source of its own."""
        try:
            parts = urlsplit(source.strip())
            host = (parts.hostname or "").lower()
            port = parts.port
        except ValueError:
            return False
        if parts.scheme.lower() not in ("http", "https") or not host:
            return False
        return host not in self._others and f"{host}:{port}" not in self._others

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """The one file at `source`, its size and name asked by reading its first byte.

        A user and password in the address are used and never shown or kept in `reference`.
        """
        url = source.strip()
        if not self.claims(url):
            raise UsageError(f"`{shown(url)}` is no plain http or https address.", "Write http:// or https://.")
        if revision:
            raise UsageError(f"{shown(url)} is a plain address and has no revisions.", "Leave out --revision.")
        if self._offline:
            raise NetworkError(f"Offline: {shown(url)} is not asked.", "Leave out --offline to ask.")
        remote = RemoteFile(name=_last_segment(url), url=url)
        found = probe(remote, settings=self._settings)
        file = RemoteFile(name=found.name, url=url, size=found.size, etag=found.etag)
        return RemoteModel(
            kind=self.kind,
            reference=shown(url),
            title=found.name.rpartition(".")[0] or found.name,
            files=(file,),
            page=shown(url),
            wanted=file.name,
        )


def _last_segment(url: str) -> str:
    from modelhub.fetch.filenames import file_name

    return file_name(disposition=None, url=url)
