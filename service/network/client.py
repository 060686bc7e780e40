"""HTTP client for URLs from outside that cannot be led into networks that the caller cannot reach.

url ─► scheme, port, no credentials ─► resolve the name, all addresses allowed ─► connect to one of these

Proxies of the environment are not used: a proxy would resolve names itself, after the check.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore2
import httpx2

from service.errors import UrlRejected
from service.network.ssrf_guard import CheckedNetworkBackend, HostResolver, accept_any_address, is_public, resolve_host
from service.settings import UrlInputs

MAX_CONNECTIONS, MAX_IDLE_CONNECTIONS, IDLE_SECONDS = 64, 16, 15.0

_PORTS = {"http": 80, "https": 443}


@asynccontextmanager
async def open_outbound_client(
    allowed: UrlInputs, *, resolve: HostResolver = resolve_host
) -> AsyncIterator["OutboundClient"]:
    """Closes its connections at the end of the block."""
    network = CheckedNetworkBackend(accept_any_address if allowed == "any" else is_public, resolve)
    async with httpcore2.AsyncConnectionPool(
        ssl_context=httpcore2.default_ssl_context(),
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_IDLE_CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=network,
    ) as http:
        yield OutboundClient(allowed, network, http)


@dataclass(frozen=True)
class OutboundClient:
    """`allowed` is "off", "public" (hosts of the public internet, ports 80 and 443) or "any"."""

    allowed: UrlInputs
    network: CheckedNetworkBackend
    http: httpcore2.AsyncConnectionPool

    def check_url(self, text: str, *, base: httpx2.URL | None = None) -> httpx2.URL:
        """Parse and check a URL without resolving its host; raises UrlRejected."""
        try:
            url = base.join(text) if base else httpx2.URL(text)
        except (httpx2.InvalidURL, ValueError) as cause:
            raise UrlRejected(f"this is no URL: {cause}") from cause
        if url.scheme not in _PORTS or not url.host:
            raise UrlRejected("a URL must begin with http:// or https:// and name a host")
        if url.userinfo:
            raise UrlRejected("a URL must have no user name or password")
        if effective_port(url) not in (_PORTS.values() if self.allowed == "public" else range(1, 65536)):
            raise UrlRejected(f"a URL must not lead to port {effective_port(url)}")
        return url


def effective_port(url: httpx2.URL) -> int:
    return _PORTS[url.scheme] if url.port is None else url.port


def to_httpcore_url(url: httpx2.URL) -> httpcore2.URL:
    """The same URL from its checked parts: nothing parses it a second time."""
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
