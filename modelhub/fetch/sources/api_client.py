"""Questions to the JSON interface of a service: asked again while it is busy, and with its credentials only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelhub import __version__
from modelhub.errors import NetworkError

if TYPE_CHECKING:
    import requests

_ATTEMPTS = 4
_LONGEST_WAIT = 60.0  # seconds


class Questions:
    """Asks `endpoint` with the headers of `secrets` (tokens). `sleep` waits between two tries."""

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

    def ask(
        self, path: str, *, words: Mapping[str, str] | None = None, posted: Sequence[str] | None = None
    ) -> requests.Response:
        """The answer, whatever its status. `words` are the query; `posted` is sent as JSON, else this is a GET.

        Raises NetworkError where the service cannot be reached.
        """
        for attempt in range(_ATTEMPTS):
            response = self._send(path, words, posted)
            busy = response.status_code == 429 or response.status_code >= 500
            stated = response.headers.get("Retry-After", "").strip()
            wait = float(stated) if stated.isdigit() else None
            if not busy or attempt == _ATTEMPTS - 1 or (wait or 0) > _LONGEST_WAIT:
                return response
            self._sleep(wait if wait is not None else 2.0**attempt)
        return response

    def _send(self, path: str, words: Mapping[str, str] | None, posted: Sequence[str] | None) -> requests.Response:
        import requests

        # No browser's name: to browsers some sites answer with pages instead of errors.
        headers = {"User-Agent": f"modelhub/{__version__}", "Accept": "application/json"}
        method = "GET" if posted is None else "POST"
        body = None if posted is None else list(posted)
        try:
            return requests.request(
                method,
                f"{self.endpoint}{path}",
                params=words,
                headers=headers,
                json=body,
                timeout=self._timeout,
                auth=self._authorise,
            )
        except (requests.RequestException, OSError, ValueError) as exc:
            hint = "Check the connection and the proxy settings."
            raise NetworkError(f"{self.endpoint} cannot be reached: {type(exc).__name__}.", hint) from exc

    def _authorise(self, request: Any) -> Any:
        # Given as `auth` also when there is no token: else a netrc file would add its own.
        request.headers.update(self._secrets)
        return request
