"""Fetch images from URLs that clients give, under a limit of bytes that also holds while they arrive.

Each redirect is checked as the first URL is. The announced content type is ignored: decoding tells the format.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import TooManyBytes
from service.errors import UrlFetchFailed, UrlInputsOff
from service.settings import UrlInputs
from service.telemetry.request_context import outside_wait
from service.telemetry.tracing import start_span

if TYPE_CHECKING:  # HTTP libraries are loaded with the first fetch: most commands fetch nothing
    import httpcore2
    import httpx2

    from service.network.client import OutboundClient
    from service.network.ssrf_guard import HostResolver

FETCH_SECONDS = 10.0  # for the whole fetch: names, redirects, bytes
MAX_REDIRECTS = 3

_REDIRECTS = (301, 302, 303, 307, 308)
_REQUEST_HEADERS = [(b"User-Agent", b"KernelSight"), (b"Accept", b"image/*"), (b"Accept-Encoding", b"identity")]


@asynccontextmanager
async def open_fetcher(
    inputs: UrlInputs, *, max_bytes: int, seconds: float = FETCH_SECONDS, resolve: "HostResolver | None" = None
) -> AsyncIterator["ImageFetcher"]:
    """One for all requests; opens its client with the first fetch, and closes connections at the end of the block."""
    async with AsyncExitStack() as stack:

        async def open_client() -> "OutboundClient":
            from service.network.client import open_outbound_client
            from service.network.ssrf_guard import resolve_host

            return await stack.enter_async_context(open_outbound_client(inputs, resolve=resolve or resolve_host))

        yield ImageFetcher(inputs, max_bytes, seconds, open_client)


@dataclass
class ImageFetcher:
    allowed: UrlInputs
    max_bytes: int
    seconds: float
    open_client: Callable[[], Awaitable["OutboundClient"]]
    _client: "OutboundClient | None" = None

    async def fetch(self, url: str) -> bytes:
        """Raises UrlInputsOff, UrlRejected, UrlFetchFailed or TooManyBytes."""
        if self.allowed == "off":
            raise UrlInputsOff("this service does not fetch images from URLs; send the bytes as base64 in image.data")
        client = await self.prepare()
        checked = client.check_url(url)
        # The host only: the URL may be signed.
        with start_span("fetch", "client", {"server.address": checked.host}), outside_wait():
            return await self._fetch_in_time(client, checked)

    async def prepare(self) -> "OutboundClient":
        """Open the client unless it is open."""
        if self._client is None:
            self._client = await self.open_client()
        return self._client

    async def _fetch_in_time(self, client: "OutboundClient", url: "httpx2.URL") -> bytes:
        import httpcore2

        try:
            async with asyncio.timeout(self.seconds):
                return await self._follow_redirects(client, url)
        except TimeoutError:
            raise UrlFetchFailed(f"the image was not there within {self.seconds:g} s") from None
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as cause:
            raise UrlFetchFailed(f"the image's server failed: {str(cause) or 'the connection broke'}") from cause

    async def _follow_redirects(self, client: "OutboundClient", url: "httpx2.URL") -> bytes:
        from service.network.client import to_httpcore_url

        for _ in range(1 + MAX_REDIRECTS):
            headers = [(b"Host", url.netloc), *_REQUEST_HEADERS]
            async with client.http.stream("GET", to_httpcore_url(url), headers=headers) as response:
                if response.status not in _REDIRECTS:
                    return await self._read_body(response)
                url = client.check_url(_header(response, b"location"), base=url)
        raise UrlFetchFailed(f"the image's server redirects more than {MAX_REDIRECTS} times")

    async def _read_body(self, response: "httpcore2.Response") -> bytes:
        if response.status != 200:
            raise UrlFetchFailed(f"the image's server answered with status {response.status}")
        if encoding := _header(response, b"content-encoding").replace("identity", ""):
            raise UrlFetchFailed(f"the image's server sent it compressed ({encoding}), which was not asked for")
        announced = _header(response, b"content-length")
        if announced.isdigit() and int(announced) > self.max_bytes:
            raise TooManyBytes(int(announced), self.max_bytes)
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self.max_bytes:
                raise TooManyBytes(len(body), self.max_bytes)
        return bytes(body)


def _header(response: "httpcore2.Response", name: bytes) -> str:
    """The header's value, or "" if it is missing."""
    found: bytes = next((value for key, value in response.headers if key.lower() == name), b"")
    try:
        return found.decode()  # browsers follow a redirect with raw UTF-8, and servers send them
    except UnicodeDecodeError:
        return found.decode("latin-1")
