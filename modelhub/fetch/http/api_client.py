"""Requests to the JSON interface of a service: retried while it is busy, and sent with its own credentials only.

Answers are limited in bytes and time, whatever the service sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from modelhub.errors import NetworkError
from modelhub.fetch.fetcher import Credential
from modelhub.fetch.http import json_answers
from modelhub.fetch.http.bounded_body import ACCEPTED_CODING, BodyError, read_body
from modelhub.fetch.http.redirects import Exchange, send_with_redirects
from modelhub.fetch.http.retry import RetryableError, retry_after
from modelhub.fetch.http.session import new_session, origin_of
from modelhub.redaction import redact_url

if TYPE_CHECKING:
    from modelhub.fetch.http.bounded_session import BoundedSession

_T = TypeVar("_T")
_ATTEMPTS = 4
_LONGEST_WAIT = 60.0  # seconds
_MOST_BYTES = 64_000_000  # of an answer; the longest real ones have a few million
_SECONDS = 120.0  # for one answer, its redirects included
_FAULTY = "Try again later, or use another address of the service."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """A response of a service with its unpacked body. `url` is the requested address, without its query."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def decode(self, kind: type[_T]) -> _T:
        """Return the JSON document as `kind`.

        Raise ValueError where it is not one, and NetworkError for too many values.
        """
        try:
            return json_answers.decode(self.body, kind)
        except json_answers.TooManyValuesError:
            raise NetworkError(f"The answer of {self.url} lists more entries than modelhub reads.", _FAULTY) from None


class ApiClient:
    """A client of the service at `endpoint`. `secrets` are headers with tokens; `sleep` waits between two attempts.

    Threads may share it.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        secrets: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint
        scheme, host, port = origin_of(endpoint)
        origin = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self._credentials = [
            Credential(origin=origin, header=header, value=value) for header, value in (secrets or {}).items()
        ]
        self._timeout = timeout
        self._sleep = sleep
        self._session: BoundedSession | None = None

    def get(self, path: str, *, params: Mapping[str, str] | None = None, most_bytes: int = _MOST_BYTES) -> ApiAnswer:
        """Send a GET request. Return the response, whatever its status; 429 and 5xx are retried.

        Raise NetworkError where the service cannot be reached, or its answer is too large, too slow or broken.
        """
        query = f"?{urlencode(params)}" if params else ""
        return self._request("GET", f"{path}{query}", None, most_bytes)

    def post(self, path: str, *, json: Sequence[str]) -> ApiAnswer:
        """Send a POST request with a JSON array. Return and raise what `get` does."""
        return self._request("POST", path, list(json), _MOST_BYTES)

    def probe(self, path: str) -> ApiAnswer:
        """Send a GET request, without reading its body or following a redirect. Return and raise what `get` does."""
        return self._request("GET", path, None, 0)

    def _request(self, method: str, path: str, document: list[str] | None, most_bytes: int) -> ApiAnswer:
        for attempt in range(_ATTEMPTS):
            answer = self._send(method, path, document, most_bytes)
            is_busy = answer.status == 429 or answer.status >= 500
            wait = retry_after(answer.headers)
            if not is_busy or attempt == _ATTEMPTS - 1 or (wait or 0) > _LONGEST_WAIT:
                break
            self._sleep(wait if wait is not None else 2.0**attempt)
        return answer

    def _send(self, method: str, path: str, document: list[str] | None, most_bytes: int) -> ApiAnswer:
        deadline = time.monotonic() + _SECONDS
        exchange = Exchange(
            method=method,
            headers={"Accept": "application/json", "Accept-Encoding": ACCEPTED_CODING},
            credentials=self._credentials,
            timeout=(self._timeout, self._timeout),
            json=document,
            deadline=deadline,
            follow=most_bytes > 0,
        )
        address = f"{self.endpoint}{path}"
        url = redact_url(address)
        self._session = self._session or new_session(4)
        try:
            response, _ = send_with_redirects(self._session, address, exchange)
        except RetryableError as exc:
            hint = "Check the connection and the proxy settings."
            raise NetworkError(f"{self.endpoint} cannot be reached. {exc.reason}", hint) from exc
        status, headers = response.status_code, response.headers
        if not most_bytes:
            response.close()
            return ApiAnswer(url=url, status=status, headers=headers, body=b"")
        try:
            body = read_body(response, most_bytes=most_bytes, deadline=deadline)
        except BodyError as exc:
            if status >= 400:  # the status says what is wrong
                return ApiAnswer(url=url, status=status, headers=headers, body=b"")
            raise NetworkError(f"The answer of {url} cannot be read. {exc.reason}", _FAULTY) from exc
        return ApiAnswer(url=url, status=status, headers=headers, body=body)
