"""The session of every request, whose responses are bounded and whose redirects stay out of other networks."""

from __future__ import annotations

import socket
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from modelhub.errors import NetworkError
from modelhub.fetch.http.bounded_response import BoundedResponse
from modelhub.fetch.http.networks import Network, network_of
from modelhub.version import __version__


class BoundedSession(requests.Session):
    """A session with bounded responses that keeps `connections` connections open for reuse; threads may share it.

    Proxies and certificates come from the environment; netrc files, cookies and compression are off. `source`: the
    network of a server that redirects here. A connection that leads closer to this machine than that network is closed
    before a request is sent, whatever the name resolved to earlier.
    """

    def __init__(self, connections: int, *, source: Network | None = None) -> None:
        super().__init__()
        self._connections = connections
        self._redirected: dict[Network, BoundedSession] = {}
        # requests lets a netrc file replace an explicit Authorization header unless some `auth` is set; trust_env
        # stays on because proxies and certificate bundles come from the environment too.
        self.auth = _keep_headers
        self.headers.clear()
        self.headers.update({"User-Agent": f"modelhub/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            pools = {"pool_connections": 16, "pool_maxsize": connections + 4}
            self.mount(scheme, _BoundedAdapter(source=source, max_retries=0, **pools))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: requests would read the whole body of a redirect to prepare the next request."""

    def redirected_from(self, network: Network) -> BoundedSession:
        """Return the session for addresses that a server in `network` redirects to."""
        if network not in self._redirected:
            self._redirected[network] = BoundedSession(self._connections, source=network)
        return self._redirected[network]


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _BoundedAdapter(HTTPAdapter):
    def __init__(self, *, source: Network | None, **options: Any) -> None:
        self._pools = _pools_for(source)
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """Return the pools of connections through `proxy`."""
        manager = super().proxy_manager_for(proxy, **options)
        if type(manager) is urllib3.ProxyManager:  # the one for SOCKS has connections of its own
            manager.pool_classes_by_scheme = self._pools
        return manager


def peer_network(response: requests.Response) -> Network | None:
    """Return the network of the server that sent `response`, None where a proxy or nothing known is in between."""
    peer = getattr(getattr(response.raw, "connection", None), "peer", None)
    return network_of(peer) if peer else None


def _pools_for(source: Network | None) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(_Guard, HTTPConnection):
        allowed_from = source

    class Secure(_Guard, HTTPSConnection):
        allowed_from = source

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls: Any = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls: Any = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Guard:
    """The part of a connection that looks at the address that it has led to: `peer`, None through a proxy."""

    response_class: Any = BoundedResponse
    allowed_from: Network | None = None
    peer: str | None = None

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        if getattr(self, "proxy", None) is not None or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return sock
        self.peer = str(sock.getpeername()[0])
        if self.allowed_from is not None and network_of(self.peer) > self.allowed_from:
            sock.close()
            raise NetworkError(
                f"A redirect to {self.peer} was refused: it is in a private network.",
                "If that server is yours, use its own address.",
            )
        return sock
