"""Fetch models at http and https addresses: one address, one file."""

from __future__ import annotations

from urllib.parse import urlsplit

from modelhub.errors import GO_ONLINE, NetworkError, Remedy, UsageError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.transfer.download import probe
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.redaction import redact_url, reference_of_url


class PlainHttp:
    """Any http or https address; those that another source claims must be offered to that one first."""

    kind = "url"

    def __init__(
        self,
        *,
        offline: bool = False,
        settings: TransferSettings | None = None,
    ) -> None:
        self._offline = offline
        self._settings = settings or TransferSettings()

    def claims(self, source: str) -> bool:
        """Return whether `source` is an http or https address."""
        try:
            parts = urlsplit(source.strip())
            _ = parts.port
        except ValueError:
            return False
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Return the one file at `source`; its size and name are known from a request for its first byte.

        A user and password in the address are used, but neither shown nor kept in `reference`.
        """
        url = source.strip()
        if not self.claims(url):
            raise UsageError(f"`{redact_url(url)}` is not an http or https address.", "Write http:// or https://.")
        if revision:
            remedy = Remedy("Leave out the revision.", "leave-out-revision")
            raise UsageError(f"{redact_url(url)} is the address of a file, which has no revisions.", remedy)
        if self._offline:
            raise NetworkError(f"Offline: {redact_url(url)} was not requested.", GO_ONLINE)
        remote = RemoteFile(name=_last_segment(url), url=url)
        found = probe(remote, settings=self._settings)
        file = RemoteFile(name=found.name, url=url, size=found.size, etag=found.etag)
        return RemoteModel(
            kind=self.kind,
            reference=reference_of_url(url),
            title=found.name.rpartition(".")[0] or found.name,
            files=(file,),
            page=redact_url(url),
            wanted=file.name,
        )


def _last_segment(url: str) -> str:
    from modelhub.fetch.transfer.content_disposition import choose_file_name

    return choose_file_name(disposition=None, url=url)
