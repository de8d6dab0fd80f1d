"""Asking for an address and following where it leads, within bounds: scheme, credentials and private networks."""

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
from modelhub.fetch.transfer.session import origin, redact_url

if TYPE_CHECKING:
    import requests

_MOST = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = ("http", "https")
_log = logging.getLogger(__name__)


def get_following_redirects(
    session: requests.Session,
    url: str,
    *,
    headers: Mapping[str, str],
    credential: Credential | None,
    timeout: tuple[float, float],
    source: str | None = None,
) -> tuple[requests.Response, str]:
    """The answer to a GET that is no redirect, its body unread, and the address that gave it.

    `source` is the address that the user's reference led to (default `url`): only where that one is private may
    redirects lead to private addresses. Raises NetworkError for a refused redirect, RetryableError for a failed
    connection.
    """
    asked, userinfo = _without_userinfo(url)
    credential = credential or userinfo
    source = source or asked
    seen: set[str] = set()
    while True:
        if asked in seen or len(seen) >= _MOST:
            raise NetworkError(f"{redact_url(url)} redirects in a loop.", "Check the address in a browser.")
        seen.add(asked)
        response = _get(session, asked, _headers(asked, headers, credential), timeout)
        if response.status_code not in _REDIRECTS or "Location" not in response.headers:
            return response, asked
        target = _target(asked, response.headers["Location"])
        response.close()
        ensure_allowed(asked, target, source)
        _log.debug("%s redirects to %s", redact_url(asked), redact_url(target))
        asked = target


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
        raise UsageError(f"{redact_url(url)} is no address that can be asked.", "Check its spelling.") from None
    except requests.exceptions.SSLError:
        hint = "Check the date of this machine and its certificates (REQUESTS_CA_BUNDLE)."
        raise NetworkError(f"{redact_url(url)}: the server's certificate cannot be trusted.", hint) from None
    except (requests.exceptions.RequestException, OSError, ValueError) as exc:
        # Not chained: the text of these errors holds the whole address with its signature.
        raise RetryableError(_reason(exc, url)) from None


def _reason(exc: Exception, url: str) -> str:
    host = urlsplit(url).hostname or "the server"
    kind = type(exc).__name__
    words = {
        "ConnectTimeout": f"{host} does not answer",
        "ReadTimeout": f"{host} stopped sending",
        "ProxyError": "the proxy refuses the connection",
        "ConnectionError": f"no connection to {host}",
    }
    return words.get(kind, f"{host}: {kind}")


def _headers(url: str, headers: Mapping[str, str], credential: Credential | None) -> dict[str, str]:
    found = dict(headers)
    if credential is not None and origin(url) == origin(credential.origin):
        found[credential.header] = credential.value
    return found


def _without_userinfo(url: str) -> tuple[str, Credential | None]:
    parts = urlsplit(url)
    if parts.username is None:
        return url, None
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, Credential(origin=bare, value=f"Basic {b64encode(secret).decode()}")


def _target(asked: str, location: str) -> str:
    try:
        # http.client reads headers as Latin-1; servers send UTF-8.
        text = location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        text = location
    try:
        return _without_userinfo(urljoin(asked, text))[0]
    except ValueError:
        raise NetworkError(f"{redact_url(asked)} redirects to something that is no address.") from None


def ensure_allowed(asked: str, target: str, source: str) -> None:
    """Raise NetworkError where a redirect from `asked` to `target` is refused."""
    scheme = urlsplit(target).scheme.lower()
    if scheme not in _SCHEMES or not urlsplit(target).hostname:
        raise NetworkError(
            f"{redact_url(asked)} redirects to a `{scheme}:` address; only http and https are followed.",
            "Do not trust this source.",
        )
    if scheme == "http" and urlsplit(asked).scheme.lower() == "https":
        raise NetworkError(
            f"{redact_url(asked)} redirects from https to unprotected http; refused.", "Look for another source."
        )
    if origin(target)[1] != origin(asked)[1] and is_private(target) and not is_private(source):
        raise NetworkError(
            f"{redact_url(asked)} redirects to {urlsplit(target).hostname}, an address in a private network; refused.",
            "If that server is yours, name its address itself.",
        )


def is_private(url: str) -> bool:
    """Whether the host has an address outside the public internet. A name that does not resolve is not private."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # behind a proxy names may not resolve here, and then this machine does not connect either
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return any(not (getattr(each, "ipv4_mapped", None) or each).is_global for each in addresses)
