"""An HTTP response whose header, interim responses and trailer are limited, and whose reads can have a deadline.

http.client limits the lines of one header, but skips any number of `100 Continue`, reads any number of trailer lines,
and waits for every single byte as long as the socket's timeout: a server could keep it busy forever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

_MOST_INTERIM = 20  # interim responses (100 Continue, 103 Early Hints) before the real one
_HEADER_SECONDS = 60.0  # where the socket has no timeout


class TooManyHeadersError(http.client.HTTPException):
    """A server that sends interim responses without end."""


class BoundedResponse(http.client.HTTPResponse):
    """A response that ends with an exception where the standard library's would go on forever."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._source = _TimedReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._source)

    def set_deadline(self, deadline: float | None) -> None:
        """Let reads fail with TimeoutError from `deadline` on, a time of `time.monotonic`; None: never."""
        self._source.set_deadline(deadline)

    def begin(self) -> None:
        """Read the header: all of it within the socket's timeout. Raise TimeoutError or an HTTPException."""
        if getattr(self, "headers", None) is not None:
            return
        self.set_deadline(time.monotonic() + (self._source.timeout or _HEADER_SECONDS))
        super().begin()
        self.set_deadline(None)

    def _read_status(self) -> tuple[str, int, str]:
        """Return the status line of the first response that is not an interim one."""
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise TooManyHeadersError("The server sends interim responses without end.")

    def _read_and_discard_trailer(self) -> None:
        http.client.parse_headers(self.fp)  # unlike the base class, with a limit


class _TimedReader(io.RawIOBase):
    """The bytes of a socket, until a deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._deadline: float | None = None
        self.timeout: float | None = sock.gettimeout()

    def set_deadline(self, deadline: float | None) -> None:
        if self._deadline is not None and self._sock.fileno() >= 0:
            self._sock.settimeout(self.timeout)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("The response took too long.")
            self._sock.settimeout(left if self.timeout is None else min(left, self.timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
