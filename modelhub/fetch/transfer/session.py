"""The HTTP session of every transfer: proxies from the environment, no netrc, no cookies, no compression."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelhub.version import __version__

if TYPE_CHECKING:
    import requests

_DEFAULT_PORTS = {"http": 80, "https": 443}


def new_session(connections: int = 16) -> requests.Session:
    """Return a session that keeps so many connections open for reuse; threads may share it."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    # requests lets a netrc file replace an explicit Authorization header unless some `auth` is set; trust_env stays
    # on because proxies and certificate bundles come from the environment too.
    session.auth = _keep_headers
    session.headers.clear()
    session.headers.update({"User-Agent": f"modelhub/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=16, pool_maxsize=connections + 4, max_retries=0))
    return session


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def redact_url(url: str) -> str:
    """Return `url` for messages, logs and the catalog: without user, password, query (signatures) and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an invalid URL)"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, with the default port where none is given."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme)
