"""The networks that addresses belong to, from the public internet to this machine itself."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from enum import IntEnum
from urllib.parse import urlsplit

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last four bytes


class Network(IntEnum):
    """The reach of a network; a greater one is closer to this machine.

    A server may redirect to its own network and to those farther from this machine: public servers only to public ones,
    a server of this machine or of the private network also to that network.
    """

    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    LINK_LOCAL = 3  # such as 169.254.169.254, where clouds keep the credentials of their machines


def network_of(address: str) -> Network:
    """Return the network of an IP address. Raise ValueError for a text that is not one."""
    return max(_network(each) for each in _with_embedded(ipaddress.ip_address(address.partition("%")[0])))


def networks_of_host(url: str) -> tuple[Network, ...]:
    """Return the networks of all addresses of the host in `url`, () for a name that does not resolve here."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()  # behind a proxy names may not resolve here, and then this machine does not connect either
    return tuple(network_of(str(entry[4][0])) for entry in found)


def _network(address: _Address) -> Network:
    if address.is_link_local:
        return Network.LINK_LOCAL
    if address.is_loopback or address.is_unspecified:
        return Network.LOOPBACK
    return Network.PUBLIC if address.is_global and not address.is_multicast else Network.PRIVATE


def _with_embedded(address: _Address) -> Iterable[_Address]:
    """Yield the address, or the IPv4 address that it only stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield address.teredo[1]
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
