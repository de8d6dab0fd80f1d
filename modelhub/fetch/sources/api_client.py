"""Requests to the JSON interface of a service: retried while it is busy, and sent with its own credentials only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelhub.errors import NetworkError
from modelhub.fetch.transfer.retry import retry_after
from modelhub.version import __version__

if TYPE_CHECKING:
    import requests

_ATTEMPTS = 4
_LONGEST_WAIT = 60.0  # seconds


class ApiClient:
    """A client of the service at `endpoint`. `secrets` are headers with tokens; `sleep` waits between two attempts."""

    def __init__(
        self,
        endpoint: str,
        *,
        secrets: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint
        self._secrets = dict(secrets or {})
        self._timeout = timeout
        self._sleep = sleep

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> requests.Response:
        """Send a GET request. Return the response, whatever its status; 429 and 5xx are retried.

        Raise NetworkError where the service cannot be reached.
        """
        return self._request("GET", path, params=params)

    def post(self, path: str, *, json: Sequence[str]) -> requests.Response:
        """Send a POST request with a JSON array. Return and raise what `get` does."""
        return self._request("POST", path, json=list(json))

    def _request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: list[str] | None = None
    ) -> requests.Response:
        for attempt in range(_ATTEMPTS):
            response = self._send(method, path, params, json)
            is_busy = response.status_code == 429 or response.status_code >= 500
            wait = retry_after(response.headers)
            if not is_busy or attempt == _ATTEMPTS - 1 or (wait or 0) > _LONGEST_WAIT:
                return response
            self._sleep(wait if wait is not None else 2.0**attempt)
        return response

    def _send(
        self, method: str, path: str, params: Mapping[str, str] | None, json: list[str] | None
    ) -> requests.Response:
        import requests

        # Not the name of a browser: some sites answer browsers with pages instead of errors.
        headers = {"User-Agent": f"modelhub/{__version__}", "Accept": "application/json"}
        try:
            return requests.request(
                method,
                f"{self.endpoint}{path}",
                params=params,
                headers=headers,
                json=json,
                timeout=self._timeout,
                auth=self._authorize,
            )
        except (requests.RequestException, OSError, ValueError) as exc:
            hint = "Check the connection and the proxy settings."
            raise NetworkError(f"{self.endpoint} cannot be reached: {type(exc).__name__}.", hint) from exc

    def _authorize(self, request: Any) -> Any:
        # Passed as `auth` even without a token; otherwise requests would send credentials of a netrc file.
        request.headers.update(self._secrets)
        return request
