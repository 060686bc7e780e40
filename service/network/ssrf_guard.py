"""Guard against server-side request forgery: connect to allowed addresses only.

The check sits where the connection is made: whatever form a host has in its URL, and however often its name resolves
to something else, the address that was checked is the one that is connected to.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2

from service.errors import UrlFetchFailed, UrlRejected

IpAddress = IPv4Address | IPv6Address
AddressCheck = Callable[[IpAddress], bool]
HostResolver = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_ADDRESSES = 3  # tried for one name
CONNECT_SECONDS = 4.0  # for each address

# From IANA's registries of special-purpose addresses. Not Python's `is_global`: it changes with its version, and has
# called 192.0.0.192 (the metadata service of Oracle's cloud) global.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's metadata and health service: in public space, reachable from its machines alone
    )
)  # fmt: skip
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
# Within it: protocol assignments, Teredo among them, documentation, and 6to4.
_NOT_PUBLIC_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Whether this is a host of the public internet: global, unicast, and no tunnel into another network."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:  # networks without IPv4 reach it through NAT64: the embedded address counts
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def accept_any_address(address: IpAddress) -> bool:
    """The check for closed networks and tests."""
    return True


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """The system resolver's addresses, in its order. It reads hosts like 0x7f.1 and 2130706433 as IPv4 addresses."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetworkBackend(httpcore2.AsyncNetworkBackend):
    """Connects to a name's addresses only if all of them are allowed. TLS is still verified against the name."""

    def __init__(self, is_allowed: AddressCheck, resolve: HostResolver) -> None:
        self._is_allowed, self._resolve = is_allowed, resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises UrlRejected, UrlFetchFailed, or what httpcore2 raises."""
        failure: Exception = UrlFetchFailed(f"the host {host!r} has no address")
        for address in (await self.resolve_allowed(host, port))[:MAX_ADDRESSES]:
            try:
                return await self._network.connect_tcp(address, port, CONNECT_SECONDS, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def resolve_allowed(self, host: str, port: int) -> Sequence[str]:
        """All addresses of the name; raises UrlRejected if one of them is not allowed, or UrlFetchFailed."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as cause:  # UnicodeError: a label that is too long for DNS
            raise UrlFetchFailed(f"the host {host!r} is not known") from cause
        # The message has no address: callers must not learn how names resolve inside.
        if not all(self._is_allowed(ip_address(address)) for address in addresses):
            raise UrlRejected(f"the host {host!r} is not on the public internet")
        return addresses
