"""GET requests that follow redirects within bounds: scheme, credentials and private networks."""

from __future__ import annotations

import ipaddress
import logging
import socket
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from modelhub.errors import NetworkError, UsageError
from modelhub.fetch.fetcher import Credential
from modelhub.fetch.transfer.retry import RetryableError
from modelhub.fetch.transfer.session import origin_of, redact_url

if TYPE_CHECKING:
    import requests

_LIMIT = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = ("http", "https")
_log = logging.getLogger(__name__)


def get_with_redirects(
    session: requests.Session,
    url: str,
    *,
    headers: Mapping[str, str],
    credential: Credential | None,
    timeout: tuple[float, float],
    source: str | None = None,
) -> tuple[requests.Response, str]:
    """Return the first response that is not a redirect, its body unread, and the URL that sent it.

    `source` is the URL that the user's reference led to (default `url`): redirects may lead into private networks only
    if it is in one. Raise NetworkError for a refused redirect, RetryableError for a failed connection.
    """
    current, userinfo = _without_userinfo(url)
    credential = credential or userinfo
    source = source or current
    seen: set[str] = set()
    while True:
        if current in seen or len(seen) >= _LIMIT:
            raise NetworkError(f"{redact_url(url)} redirects in a loop.", "Check the URL in a browser.")
        seen.add(current)
        response = _get(session, current, _headers(current, headers, credential), timeout)
        if response.status_code not in _REDIRECTS or "Location" not in response.headers:
            return response, current
        target = _target(current, response.headers["Location"])
        response.close()
        ensure_allowed(current, target, source)
        _log.debug("%s redirects to %s", redact_url(current), redact_url(target))
        current = target


def _get(
    session: requests.Session, url: str, headers: Mapping[str, str], timeout: tuple[float, float]
) -> requests.Response:
    import requests

    try:
        return session.get(url, headers=dict(headers), stream=True, allow_redirects=False, timeout=timeout)
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        UnicodeError,
    ):
        raise UsageError(f"{redact_url(url)} is not a valid URL.", "Check its spelling.") from None
    except requests.exceptions.SSLError:
        remedy = "Check the date of this computer and its certificates (REQUESTS_CA_BUNDLE)."
        raise NetworkError(f"{redact_url(url)}: the server's certificate cannot be trusted.", remedy) from None
    except (requests.exceptions.RequestException, OSError, ValueError) as exc:
        # Not chained: the text of these errors contains the whole URL with its signature.
        raise RetryableError(_reason(exc, url)) from None


def _reason(exc: Exception, url: str) -> str:
    host = urlsplit(url).hostname or "the server"
    kind = type(exc).__name__
    reasons = {
        "ConnectTimeout": f"{host} does not answer.",
        "ReadTimeout": f"{host} stopped sending.",
        "ProxyError": "The proxy refuses the connection.",
        "ConnectionError": f"There is no connection to {host}.",
    }
    return reasons.get(kind, f"The connection to {host} failed ({kind}).")


def _headers(url: str, headers: Mapping[str, str], credential: Credential | None) -> dict[str, str]:
    found = dict(headers)
    if credential is not None and origin_of(url) == origin_of(credential.origin):
        found[credential.header] = credential.value
    return found


def _without_userinfo(url: str) -> tuple[str, Credential | None]:
    parts = urlsplit(url)
    if parts.username is None:
        return url, None
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, Credential(origin=bare, value=f"Basic {b64encode(secret).decode()}")


def _target(current: str, location: str) -> str:
    try:
        # http.client decodes headers as Latin-1; servers send UTF-8.
        text = location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        text = location
    try:
        return _without_userinfo(urljoin(current, text))[0]
    except ValueError:
        raise NetworkError(f"{redact_url(current)} redirects to an invalid URL.", "Look for another source.") from None


def ensure_allowed(current: str, target: str, source: str) -> None:
    """Raise NetworkError where a redirect from `current` to `target` is refused."""
    scheme = urlsplit(target).scheme.lower()
    if scheme not in _SCHEMES or not urlsplit(target).hostname:
        raise NetworkError(
            f"{redact_url(current)} redirects to a `{scheme}:` address; only http and https are followed.",
            "Do not trust this source.",
        )
    if scheme == "http" and urlsplit(current).scheme.lower() == "https":
        raise NetworkError(
            f"{redact_url(current)} redirects from https to unprotected http, which is refused.",
            "Look for another source.",
        )
    if origin_of(target)[1] != origin_of(current)[1] and is_private(target) and not is_private(source):
        raise NetworkError(
            f"{redact_url(current)} redirects to {urlsplit(target).hostname}, which is in a private network.",
            "If that server is yours, use its own address.",
        )


def is_private(url: str) -> bool:
    """Return whether the host has an address outside the public internet; False for a name that does not resolve."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # behind a proxy names may not resolve here, and then this machine does not connect either
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return any(not (getattr(each, "ipv4_mapped", None) or each).is_global for each in addresses)
