"""Requests for byte ranges of one remote file: responses are checked, and expired signed URLs are renewed."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelhub.errors import NetworkError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.http.bounded_response import BoundedResponse
from modelhub.fetch.http.redirects import Exchange, ensure_listed, send_with_redirects
from modelhub.fetch.http.retry import RETRYABLE_STATUSES, RestartError, RetryableError, retry_after
from modelhub.fetch.transfer.error_pages import error_for_response
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.fetch.transfer.part_file import RemoteFacts
from modelhub.quantities import format_duration, format_size
from modelhub.redaction import redact_url

if TYPE_CHECKING:
    import requests

    from modelhub.fetch.http.bounded_session import BoundedSession

# No file has more than 18 digits of bytes; numbers of thousands of digits are an attack on the parser.
_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)\s*$", re.IGNORECASE)
_EMPTY = re.compile(r"bytes\s+\*/([0-9]{1,18})\s*$", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_EXPIRED_STATUSES = frozenset({400, 401, 403, 404, 410})
_KEPT = "What was downloaded is kept; try again to resume."
_REPLACED = "The file may have been replaced; try again later, or ask its publisher."
_WHOLE_AGAIN = "The server sent the whole file again."


@dataclass(slots=True, eq=False)
class RangeResponse:
    """A response whose body is about to be read: bytes `start` to before `end` of the file.

    `end` is None where the server did not state it. `is_partial`: the server answers requests for parts of the file.
    """

    http: requests.Response
    start: int
    end: int | None
    is_partial: bool
    facts: RemoteFacts
    stall_seconds: float = 60.0

    def read_into(self, buffer: memoryview) -> int:
        """Read the bytes that are there into `buffer` and return their number, 0 at the end. Raise RetryableError.

        Bypasses urllib3, whose layers cost more than the hashing; `has_more` gives the connection back to its pool.
        """
        import urllib3

        raw = self.http.raw
        source = getattr(raw, "_fp", None)
        try:
            if isinstance(source, http.client.HTTPResponse) and not source.chunked:
                return _read_available(source, buffer)
            if isinstance(source, BoundedResponse):
                source.set_deadline(time.monotonic() + self.stall_seconds)  # also for the bytes between the chunks
            data = raw.read1(len(buffer), decode_content=False)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as exc:
            raise RetryableError(f"The connection broke ({type(exc).__name__}).") from None
        buffer[: len(data)] = data
        return len(data)

    def has_more(self) -> bool:
        """Return whether bytes follow the stated end. If none do, the connection is given back for reuse."""
        raw = self.http.raw
        source = getattr(raw, "_fp", None)
        try:
            if isinstance(source, http.client.HTTPResponse) and not source.chunked:
                more = not source.isclosed() and bool(source.read(1))
                if not more:
                    raw.release_conn()
                return more
            return bool(raw.read(1, decode_content=False))
        except Exception:  # noqa: BLE001 - every stated byte has come; how the connection ends does not matter
            return False

    @property
    def proves_its_end(self) -> bool:
        """Whether a body that was cut short can be told from a complete one: by its length, or by its last chunk."""
        return self.end is not None or bool(getattr(getattr(self.http.raw, "_fp", None), "chunked", False))

    def close(self) -> None:
        """Close the connection."""
        self.http.close()


def _read_available(source: http.client.HTTPResponse, buffer: memoryview) -> int:
    """Read like `HTTPResponse.readinto`, but return the bytes that have come instead of waiting for a full buffer."""
    if source.isclosed():
        return 0
    left = source.length
    count = source.fp.readinto1(buffer if left is None else buffer[:left])
    if left is not None:
        source.length = left - count
    if not count or source.length == 0:
        source.close()  # the body is over; its connection stays open
    return count


class RangeClient:
    """A client that requests ranges of `remote`. Threads may share it.

    `address` is where the last redirect led. `has_mixed_etags`: parts with different ETags are put together, because
    a hash will prove the result.
    """

    def __init__(self, session: BoundedSession, remote: RemoteFile, settings: TransferSettings) -> None:
        self.remote = remote
        self.address = remote.url
        self.has_mixed_etags = False
        self._session = session
        self._settings = settings
        self._timeout = (settings.connect_seconds, settings.stall_seconds)

    @property
    def redacted_url(self) -> str:
        """The URL of the file for messages, without secrets."""
        return redact_url(self.remote.url)

    def raise_if_exhausted(self, error: RetryableError | RestartError, failures: int, wait: float) -> None:
        """Raise NetworkError after too many failures in a row, or where the server requests too long a wait."""
        name, url = self.remote.name, self.redacted_url
        if wait > self._settings.longest_wait:
            raise NetworkError(f"{url} requests a pause of {format_duration(wait)} for {name}. {error.reason}", _KEPT)
        if failures > self._settings.retries:
            raise NetworkError(f"Could not download {name} from {url}. {error.reason}", _KEPT)

    def too_large_error(self) -> NetworkError:
        """Return the error for a file that is larger than the largest one that is accepted."""
        limit = format_size(self.remote.most_bytes)
        return NetworkError(f"{self.redacted_url} sends more than {limit} for {self.remote.name}.", "Nothing was kept.")

    def too_long_error(self, stated: int) -> NetworkError:
        """Return the error for a body that continues after its stated end."""
        return NetworkError(
            f"{self.redacted_url} sent more than the stated {stated:,} bytes of {self.remote.name}.", _REPLACED
        )

    def open(self, start: int, end: int | None, known: RemoteFacts | None) -> RangeResponse:
        """Request the bytes from `start` to before `end`; `known` are the facts of an earlier response.

        Raise RetryableError, RestartError where the file has changed since, or a ModelhubError.
        """
        headers = {**self.remote.headers, "Range": f"bytes={start}-{'' if end is None else end - 1}"}
        # The nodes of a delivery network may send different ETags; a stated hash is the better proof then.
        if known is not None and known.etag and not self.has_mixed_etags:
            headers["If-Range"] = known.etag
        http_response = self._get(headers)
        is_whole = http_response.status_code == 200 and not _is_disguised_206(http_response, start)
        if start and is_whole and "If-Range" in headers and self.remote.sha256:
            http_response.close()
            self.has_mixed_etags = True
            return self.open(start, end, known)
        try:
            response = self._check(http_response, start, known)
        except BaseException:
            http_response.close()
            raise
        if response.facts.size is None and response.is_partial:
            return self._open_whole(response, start)
        return response

    def _open_whole(self, response: RangeResponse, start: int) -> RangeResponse:
        """Request the whole file instead of a part of unknown share (`Content-Range: bytes 0-99/*`)."""
        response.close()
        if start:
            raise RestartError("The server does not state the size of the file.")
        http_response = self._get(dict(self.remote.headers))
        try:
            whole = self._check(http_response, 0, None)
            if whole.is_partial:
                raise RetryableError("The server sent a part of the file instead of the whole.")
        except BaseException:
            http_response.close()
            raise
        return whole

    def _get(self, headers: dict[str, str]) -> requests.Response:
        address = self.address
        if address == self.remote.url and self.remote.listed_by is not None:
            ensure_listed(self.remote.listed_by, address)
        response, final = send_with_redirects(self._session, address, self._exchange(headers))
        if response.status_code in _EXPIRED_STATUSES and address != self.remote.url:
            response.close()
            self.address = self.remote.url
            return self._get(headers)
        self.address = final
        return response

    def _exchange(self, headers: dict[str, str]) -> Exchange:
        credential = self.remote.credential
        return Exchange(
            headers=headers,
            credentials=(credential,) if credential else (),
            timeout=self._timeout,
            source=self.remote.url,
        )

    def _check(self, response: requests.Response, start: int, known: RemoteFacts | None) -> RangeResponse:
        status = response.status_code
        if status in RETRYABLE_STATUSES:
            reason = "Too many requests." if status == 429 else f"The server answered {status}."
            raise RetryableError(reason, wait=retry_after(response.headers))
        if status == 416:
            return self._unsatisfied(response, start)
        if status not in (200, 206):
            raise error_for_response(response, self.remote.name, self.redacted_url)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise NetworkError(
                f"{self.redacted_url} sent {self.remote.name} encoded as {coding}, although that was refused.",
                "Size and hash cannot be verified that way; look for another source.",
            )
        is_partial = status == 206 or _is_disguised_206(response, start)
        found = self._partial(response, start, known) if is_partial else self._whole(response, start)
        self._compare(found, known)
        found.stall_seconds = self._settings.stall_seconds
        return found

    def _unsatisfied(self, response: requests.Response, start: int) -> RangeResponse:
        found = _EMPTY.match(response.headers.get("Content-Range", ""))
        if start == 0 and found and found.group(1) == "0" and not self.remote.size:
            return RangeResponse(response, 0, 0, True, _facts_of(response, 0))
        if start == 0:
            raise NetworkError(f"{self.redacted_url} refused to send {self.remote.name} (416).", "Try again later.")
        raise RestartError("The file at the source is shorter now.")

    def _partial(self, response: requests.Response, start: int, known: RemoteFacts | None) -> RangeResponse:
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if found is None or int(found.group(1)) != start or int(found.group(2)) < start:
            raise RetryableError("The server sent a range that was not requested.")
        expected = known.size if known else self.remote.size
        size = expected if found.group(3) == "*" else int(found.group(3))
        return RangeResponse(response, start, int(found.group(2)) + 1, True, _facts_of(response, size))

    def _whole(self, response: requests.Response, start: int) -> RangeResponse:
        if start:
            raise RestartError(_WHOLE_AGAIN)
        length = response.headers.get("Content-Length", "")
        size = int(length) if _LENGTH.fullmatch(length) else None
        return RangeResponse(response, 0, size, False, _facts_of(response, size))

    def _compare(self, response: RangeResponse, known: RemoteFacts | None) -> None:
        """Raise NetworkError for an unexpected size, RestartError where the file differs from the `known` one."""
        expected, size = self.remote.size, response.facts.size
        if expected is not None and size is not None and size != expected:
            raise NetworkError(
                f"{self.redacted_url} sends {size:,} bytes for {self.remote.name}, but {expected:,} were stated.",
                _REPLACED,
            )
        if size is not None and self.remote.most_bytes is not None and size > self.remote.most_bytes:
            raise self.too_large_error()
        if known is None:
            return
        if not response.is_partial:
            raise RestartError(_WHOLE_AGAIN)
        if known.size == size and known.etag != response.facts.etag and self.remote.sha256:
            self.has_mixed_etags = True
        elif (known.size, known.etag) != (size, response.facts.etag):
            raise RestartError("The file has changed at the source.")


def _is_disguised_206(response: requests.Response, start: int) -> bool:
    """Return whether a 200 is a 206 in all but its number, as ModelScope sends it: range and length fit each other."""
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if found is None or found.group(3) == "*" or int(found.group(1)) != start:
        return False
    return response.headers.get("Content-Length", "") == str(int(found.group(2)) + 1 - start)


def _facts_of(response: requests.Response, size: int | None) -> RemoteFacts:
    etag = response.headers.get("ETag", "").strip()
    return RemoteFacts(
        size=size,
        etag=etag if etag.startswith('"') else None,  # weak ones (W/"…") prove nothing about bytes
        disposition=response.headers.get("Content-Disposition"),
        content_type=response.headers.get("Content-Type"),
    )
