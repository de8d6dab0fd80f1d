"""Asking for one remote file's bytes: validators, ranges, answers checked, signed addresses asked for anew."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelhub.errors import NetworkError
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.error_pages import error_for_response
from modelhub.fetch.transfer.limits import TransferSettings
from modelhub.fetch.transfer.part_file import RemoteFacts
from modelhub.fetch.transfer.redirects import get_following_redirects
from modelhub.fetch.transfer.retry import RETRYABLE, RestartError, RetryableError, retry_after
from modelhub.fetch.transfer.session import redact_url

if TYPE_CHECKING:
    import requests

_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)\s*$", re.IGNORECASE)
_EMPTY = re.compile(r"bytes\s+\*/(\d+)\s*$", re.IGNORECASE)
_EXPIRED = frozenset({400, 401, 403, 404, 410})


@dataclass(slots=True, eq=False)
class RangeResponse:
    """An answer whose body is about to be read: its first byte is byte `start` of the file, its end is at `end`."""

    response: requests.Response
    start: int
    end: int | None
    ranged: bool
    facts: RemoteFacts

    def read_into(self, buffer: memoryview) -> int:
        """Put the next bytes into `buffer`, as many as are there; 0 at the end. Raises RetryableError on a failure.

        Reads past urllib3, whose layers cost more than the hashing; its pool gets the connection back in `has_more`.
        """
        import urllib3

        raw = self.response.raw
        source = getattr(raw, "_fp", None)
        try:
            if isinstance(source, http.client.HTTPResponse) and not source.chunked:
                return _straight(source, buffer)
            data = raw.read1(len(buffer), decode_content=False)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as exc:
            raise RetryableError(f"the connection broke ({type(exc).__name__})") from None
        buffer[: len(data)] = data
        return len(data)

    def has_more(self) -> bool:
        """Whether bytes come after the promised end. Where none do, the connection is handed back for reuse."""
        raw = self.response.raw
        source = getattr(raw, "_fp", None)
        try:
            if isinstance(source, http.client.HTTPResponse) and not source.chunked:
                more = not source.isclosed() and bool(source.read(1))
                if not more:
                    raw.release_conn()
                return more
            return bool(raw.read(1, decode_content=False))
        except Exception:  # noqa: BLE001 - all that was promised is here; how the connection ends does not matter
            return False

    def close(self) -> None:
        """End the connection."""
        self.response.close()


def _straight(source: http.client.HTTPResponse, buffer: memoryview) -> int:
    """As `HTTPResponse.readinto`, but gives what has come instead of waiting until `buffer` is full."""
    if source.isclosed():
        return 0
    left = source.length
    count = source.fp.readinto1(buffer if left is None else buffer[:left])
    if left is not None:
        source.length = left - count
    if not count or source.length == 0:
        source.close()  # the answer is over; its connection stays open
    return count


class RangeClient:
    """Asks for ranges of `remote`. Threads may share it."""

    def __init__(self, session: requests.Session, remote: RemoteFile, settings: TransferSettings) -> None:
        self.remote = remote
        self.address = remote.url
        self.mixed = False  # parts with different ETags are put together, for a hash will tell
        self._session = session
        self._settings = settings
        self._timeout = (settings.connect_seconds, settings.stall_seconds)

    @property
    def redacted_url(self) -> str:
        """The address that is asked, fit for messages."""
        return redact_url(self.remote.url)

    def give_up(self, error: RetryableError | RestartError, failures: int, wait: float) -> None:
        """Raise NetworkError once patience ends: too many failures in a row, or too long a wait asked for."""
        hint = "What is here is kept: run the same command again and it goes on there."
        name, url = self.remote.name, self.redacted_url
        if wait > self._settings.longest_wait:
            raise NetworkError(f"{url} asks to wait {wait:.0f} s before {name} goes on ({error.reason}).", hint)
        if failures > self._settings.retries:
            raise NetworkError(f"Could not download {name} from {url}: {error.reason} ({failures} tries).", hint)

    def open(self, start: int, end: int | None, held: RemoteFacts | None) -> RangeResponse:
        """The file's bytes from `start` to before `end`. `held`: what an earlier answer said of the same file.

        Raises RetryableError, RestartError where the file is another one now, or a ModelhubError.
        """
        headers = {**self.remote.headers, "Range": f"bytes={start}-{'' if end is None else end - 1}"}
        # A network of caches may give each answer another ETag; a promised hash is the better proof then.
        if held is not None and held.etag and not self.mixed:
            headers["If-Range"] = held.etag
        response = self._ask(headers)
        whole = response.status_code == 200 and not _is_part(response, start)
        if start and whole and "If-Range" in headers and self.remote.sha256:
            response.close()
            self.mixed = True
            return self.open(start, end, held)
        try:
            body = self._checked(response, start, held)
        except BaseException:
            response.close()
            raise
        if body.facts.size is None and body.ranged:
            return self._all(body, start)
        return body

    def _all(self, body: RangeResponse, start: int) -> RangeResponse:
        """The whole file instead of a part of nobody knows how much (`Content-Range: bytes 0-99/*`)."""
        body.close()
        if start:
            raise RestartError("the server does not say how long the file is")
        response = self._ask(dict(self.remote.headers))
        try:
            whole = self._checked(response, 0, None)
            if whole.ranged:
                raise RetryableError("the server sends a part of the file where all was asked for")
        except BaseException:
            response.close()
            raise
        return whole

    def _ask(self, headers: dict[str, str]) -> requests.Response:
        address = self.address
        response, final = get_following_redirects(
            self._session,
            address,
            headers=headers,
            credential=self.remote.credential,
            timeout=self._timeout,
            source=self.remote.url,
        )
        if response.status_code in _EXPIRED and address != self.remote.url:
            response.close()
            self.address = self.remote.url
            return self._ask(headers)
        self.address = final
        return response

    def _checked(self, response: requests.Response, start: int, held: RemoteFacts | None) -> RangeResponse:
        status = response.status_code
        if status in RETRYABLE:
            reason = "too many requests" if status == 429 else f"the server answered {status}"
            raise RetryableError(reason, wait=retry_after(response.headers))
        if status == 416:
            return self._unsatisfied(response, start)
        if status not in (200, 206):
            raise error_for_response(response, self.remote.name, self.redacted_url)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise NetworkError(
                f"{self.redacted_url} sends {self.remote.name} encoded as {coding}, though it was asked not to.",
                "Its size and hash cannot be followed that way; look for another source.",
            )
        ranged = status == 206 or _is_part(response, start)
        body = self._ranged(response, start, held) if ranged else self._whole(response, start)
        self._compare(body, held)
        return body

    def _unsatisfied(self, response: requests.Response, start: int) -> RangeResponse:
        found = _EMPTY.match(response.headers.get("Content-Range", ""))
        if start == 0 and found and found.group(1) == "0" and not self.remote.size:
            return RangeResponse(response, 0, 0, True, _facts(response, 0))
        if start == 0:
            raise NetworkError(f"{self.redacted_url} refuses to send {self.remote.name} (416).", "Try again later.")
        raise RestartError("the file at the source is shorter now")

    def _ranged(self, response: requests.Response, start: int, held: RemoteFacts | None) -> RangeResponse:
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if found is None or int(found.group(1)) != start or int(found.group(2)) < start:
            raise RetryableError("the server sent another range than was asked for")
        known = held.size if held else self.remote.size
        total = known if found.group(3) == "*" else int(found.group(3))
        return RangeResponse(response, start, int(found.group(2)) + 1, True, _facts(response, total))

    def _whole(self, response: requests.Response, start: int) -> RangeResponse:
        if start:
            raise RestartError("the server sends the whole file again")
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdigit() else None
        return RangeResponse(response, 0, size, False, _facts(response, size))

    def _compare(self, body: RangeResponse, held: RemoteFacts | None) -> None:
        wanted, size = self.remote.size, body.facts.size
        if wanted is not None and size is not None and size != wanted:
            raise NetworkError(
                f"{self.redacted_url} sends {size:,} bytes for {self.remote.name}; {wanted:,} were promised.",
                "The file may have been replaced; try again later or ask its publisher.",
            )
        if held is None:
            return
        if not body.ranged:
            raise RestartError("the server sends the whole file again")
        if held.size == size and held.etag != body.facts.etag and self.remote.sha256:
            self.mixed = True
        elif (held.size, held.etag) != (size, body.facts.etag):
            raise RestartError("the file changed at the source")


def _is_part(response: requests.Response, start: int) -> bool:
    """Whether a 200 is a 206 in all but its number, as ModelScope sends it: right range, and a length that fits it."""
    found = _RANGE.match(response.headers.get("Content-Range", ""))
    if found is None or found.group(3) == "*" or int(found.group(1)) != start:
        return False
    return response.headers.get("Content-Length", "") == str(int(found.group(2)) + 1 - start)


def _facts(response: requests.Response, size: int | None) -> RemoteFacts:
    etag = response.headers.get("ETag", "").strip()
    return RemoteFacts(
        size=size,
        etag=etag if etag.startswith('"') else None,  # weak ones (W/"…") promise nothing about bytes
        disposition=response.headers.get("Content-Disposition"),
        content_type=response.headers.get("Content-Type"),
    )
