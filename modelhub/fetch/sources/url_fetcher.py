"""Fetch models at http and https addresses: one address, one file."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

from modelhub.errors import GO_ONLINE, NetworkError, Remedy, UsageError
from modelhub.fetch.fetcher import RemoteFile, RemoteModel
from modelhub.fetch.transfer.download import probe
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.fetch.transfer.session import redact_url

# Names of signatures (S3, GCS, Azure, CloudFront) and tokens in a query. The rest of the query is kept, because many
# addresses are those of another file without it.
_SECRET_KEY = re.compile(
    r"tok(en)?$|token|secret|passw|^pwd$|^pass$|signature|^sig$|^sign$|api[-_]?key|^key$|access[-_]?key|key[-_]pair"
    r"|auth|credential|session|jwt|hmac|^policy$|^expires$|^x-(amz|goog|oss|cos|tos)-|^(user|login)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"eyJ[\w-]{8,}|hf_\w{20,}|gh[pousr]_\w{20,}|Bearer\b", re.IGNORECASE)


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
            reference=_reference(url),
            title=found.name.rpartition(".")[0] or found.name,
            files=(file,),
            page=redact_url(url),
            wanted=file.name,
        )


def _reference(url: str) -> str:
    """Return `url` in the form to keep: without user, password and fragment, and without secrets in its query."""
    pairs = [pair for pair in urlsplit(url).query.split("&") if pair and not _is_secret(pair)]
    return f"{redact_url(url)}?{'&'.join(pairs)}" if pairs else redact_url(url)


def _is_secret(pair: str) -> bool:
    key, _, value = pair.partition("=")
    return bool(_SECRET_KEY.search(unquote_plus(key)) or _SECRET_VALUE.match(unquote_plus(value)))


def _last_segment(url: str) -> str:
    from modelhub.fetch.transfer.content_disposition import choose_file_name

    return choose_file_name(disposition=None, url=url)
