"""Requests that follow redirects within bounds: number, scheme, credentials and private networks."""

from __future__ import annotations

import http.client
import logging
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from modelhub.errors import NetworkError, UsageError
from modelhub.fetch.fetcher import Credential
from modelhub.fetch.http.bounded_body import read_start
from modelhub.fetch.http.networks import Network, networks_of_host
from modelhub.fetch.http.retry import RetryableError
from modelhub.fetch.http.session import origin_of
from modelhub.redaction import redact_url

if TYPE_CHECKING:
    import requests

    from modelhub.fetch.http.bounded_session import BoundedSession

_LIMIT = 20
_PAGE_BYTES = 64 << 10  # of a redirect's own body
_PAGE_SECONDS = 2.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = ("http", "https")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request: `json` is the body of a POST, `source` the URL that the user's reference led to (None: the URL).

    Each of `credentials` is sent to its own origin only. `timeout` has the seconds for the connection and for the
    header and each read; `deadline` is a time of `time.monotonic` for the whole, None without one. Without `follow`, a
    redirect is an answer like any other.
    """

    method: str = "GET"
    headers: Mapping[str, str]
    credentials: Sequence[Credential] = ()
    timeout: tuple[float, float]
    json: object = None
    source: str | None = None
    deadline: float | None = None
    follow: bool = True


def send_with_redirects(session: BoundedSession, url: str, exchange: Exchange) -> tuple[requests.Response, str]:
    """Return the first response that is not a redirect, its body unread, and the URL that sent it.

    A POST remains one. Redirects may lead into private networks only if the source is in one. Raise NetworkError for a
    refused redirect, RetryableError for a failed connection.
    """
    current, userinfo = _without_userinfo(url)
    credentials = (*exchange.credentials, *([userinfo] if userinfo and not exchange.credentials else []))
    source = exchange.source or current
    network: Network | None = None
    seen: set[str] = set()
    while True:
        if current in seen or len(seen) >= _LIMIT:
            raise NetworkError(f"{redact_url(url)} redirects in a loop.", "Check the URL in a browser.")
        if exchange.deadline is not None and time.monotonic() > exchange.deadline:
            raise RetryableError(f"{redact_url(url)} took too long to answer.")
        seen.add(current)
        response = _send(session, current, exchange, credentials)
        is_redirect = response.status_code in _REDIRECTS and "Location" in response.headers
        if not is_redirect or not exchange.follow:
            return response, current
        target = _target(current, response.headers["Location"])
        if network is None:
            network = _network_of_source(response, current, source)
        read_start(response, _PAGE_BYTES, deadline=time.monotonic() + _PAGE_SECONDS)  # keeps the connection usable
        response.close()
        ensure_allowed(current, target, network)
        _log.debug("%s redirects to %s", redact_url(current), redact_url(target))
        if not _is_same_host(current, target):
            session = session.redirected_from(network)
        current = target


def _send(
    session: BoundedSession, url: str, exchange: Exchange, credentials: Sequence[Credential]
) -> requests.Response:
    import requests

    headers = dict(exchange.headers) | {each.header: each.value for each in credentials if _is_for(each, url)}
    try:
        return session.request(
            exchange.method,
            url,
            headers=headers,
            json=exchange.json,
            stream=True,
            allow_redirects=False,
            timeout=exchange.timeout,
        )
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
    if _is_malformed(exc):
        return f"{host} sent a header that is too large or malformed."
    reasons = {
        "ConnectTimeout": f"{host} does not answer.",
        "ReadTimeout": f"{host} stopped sending.",
        "ProxyError": "The proxy refuses the connection.",
        "ConnectionError": f"There is no connection to {host}.",
    }
    return reasons.get(kind, f"The connection to {host} failed ({kind}).")


def _is_malformed(error: object, depth: int = 4) -> bool:
    """Return whether `error` is, or wraps, one about the form of a response; connections that broke are not such."""
    if isinstance(error, http.client.HTTPException):
        return not isinstance(error, OSError | http.client.IncompleteRead)
    inner = (*getattr(error, "args", ()), getattr(error, "reason", None)) if isinstance(error, Exception) else ()
    return depth > 0 and any(_is_malformed(each, depth - 1) for each in inner)


def _is_for(credential: Credential, url: str) -> bool:
    """Return whether `url` is of the credential's origin, or of the same host by https instead of http."""
    scheme, host, port = origin_of(credential.origin)
    allowed = [(scheme, host, port), *([("https", host, 443)] if (scheme, port) == ("http", 80) else [])]
    return origin_of(url) in allowed


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
        target = urljoin(current, text)
        _ = urlsplit(target).port
        return _without_userinfo(target)[0]
    except ValueError:
        raise NetworkError(f"{redact_url(current)} redirects to an invalid URL.", "Look for another source.") from None


def ensure_listed(service: str, target: str) -> None:
    """Raise NetworkError where the service at the address `service` may not name `target` as the address of a file."""
    try:
        _ = urlsplit(target).port
    except ValueError:
        raise NetworkError(f"{redact_url(service)} names an invalid URL.", "Look for another source.") from None
    ensure_allowed(service, target, min(networks_of_host(service), default=Network.PUBLIC))


def ensure_allowed(current: str, target: str, network: Network) -> None:
    """Raise NetworkError where `current` may not lead to `target`; `network` is that of the source."""
    scheme = urlsplit(target).scheme.lower()
    if scheme not in _SCHEMES or not urlsplit(target).hostname:
        raise NetworkError(
            f"{redact_url(current)} leads to a `{scheme}:` address; only http and https are followed.",
            "Do not trust this source.",
        )
    if scheme == "http" and urlsplit(current).scheme.lower() == "https":
        raise NetworkError(
            f"{redact_url(current)} leads from https to unprotected http, which is refused.",
            "Look for another source.",
        )
    if not _is_same_host(current, target) and max(networks_of_host(target), default=Network.PUBLIC) > network:
        raise NetworkError(
            f"{redact_url(current)} leads to {urlsplit(target).hostname}, which is in a private network.",
            "If that server is yours, use its own address.",
        )


def _is_same_host(one: str, other: str) -> bool:
    return origin_of(one)[1] == origin_of(other)[1]


def _network_of_source(response: requests.Response, current: str, source: str) -> Network:
    """Return the network of `source`, which sent `response` where it is `current`; with doubts, the public one."""
    from modelhub.fetch.http.bounded_session import peer_network

    found = peer_network(response) if _is_same_host(current, source) else None
    return found if found is not None else min(networks_of_host(source), default=Network.PUBLIC)
