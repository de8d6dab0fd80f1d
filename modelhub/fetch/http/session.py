"""The HTTP session of every request, and the origins of its addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from modelhub.fetch.http.bounded_session import BoundedSession

_DEFAULT_PORTS = {"http": 80, "https": 443}


def new_session(connections: int = 16) -> BoundedSession:
    """Return a session that keeps so many connections open for reuse; threads may share it."""
    from modelhub.fetch.http.bounded_session import BoundedSession

    return BoundedSession(connections)


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, with the default port where none is given."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme)
