"""Images from URLs that clients give: fetched without being led into networks that the clients cannot reach.

url ─► scheme, port, no credentials ─► name to addresses, all public ─► connect to one of these ─► bytes, counted
 ▲                                                                                │
 └──────────────────────────────── redirect, at most three ───────────────────────┘

Proxies of the environment are not used: a proxy would resolve names itself, behind the check. Types that servers
announce are not read either: what an image is shows when it is decoded.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore2
import httpx2

from pipelines.errors import TooManyBytes
from service.addresses import CheckedNetwork, Resolve, is_any, is_public, resolve
from service.problems import UrlFetchFailed, UrlInputsOff, UrlRejected
from service.settings import UrlInputs

SECONDS = 10.0  # for all of it: names, redirects, bytes
MOST_REDIRECTS = 3
MOST_CONNECTIONS, MOST_IDLE, IDLE_SECONDS = 64, 16, 15.0

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = [(b"User-Agent", b"KernelSight"), (b"Accept", b"image/*"), (b"Accept-Encoding", b"identity")]


@asynccontextmanager
async def open_fetcher(
    inputs: UrlInputs, *, max_bytes: int, seconds: float = SECONDS, resolve: Resolve = resolve
) -> AsyncIterator["ImageFetcher"]:
    """One for all requests; closes its connections on the way out."""
    network = CheckedNetwork(is_any if inputs == "any" else is_public, resolve)
    async with httpcore2.AsyncConnectionPool(
        ssl_context=httpcore2.default_ssl_context(),
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_IDLE,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=network,
    ) as http:
        yield ImageFetcher(inputs, max_bytes, seconds, http)


@dataclass(frozen=True)
class ImageFetcher:
    """`inputs` is "off", "public" (hosts of the public internet, ports 80 and 443) or "any"."""

    inputs: UrlInputs
    max_bytes: int
    seconds: float
    http: httpcore2.AsyncConnectionPool

    async def fetch(self, url: str) -> bytes:
        """Raises UrlInputsOff, UrlRejected, UrlFetchFailed or TooManyBytes."""
        if self.inputs == "off":
            raise UrlInputsOff("this service does not fetch images from URLs; send the bytes as base64 in image.data")
        try:
            async with asyncio.timeout(self.seconds):
                return await self._follow(self._checked(url))
        except TimeoutError:
            raise UrlFetchFailed(f"the image was not there within {self.seconds:g} s") from None
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as cause:
            raise UrlFetchFailed(f"the image's server failed: {str(cause) or type(cause).__name__}") from cause

    async def _follow(self, url: httpx2.URL) -> bytes:
        for _ in range(1 + MOST_REDIRECTS):
            async with self.http.stream("GET", _target(url), headers=[(b"Host", url.netloc), *_HEADERS]) as response:
                if response.status not in _REDIRECTS:
                    return await self._body(response)
                url = self._checked(_header(response, b"location"), base=url)
        raise UrlFetchFailed(f"the image's server redirects more than {MOST_REDIRECTS} times")

    def _checked(self, text: str, *, base: httpx2.URL | None = None) -> httpx2.URL:
        try:
            url = base.join(text) if base else httpx2.URL(text)
        except (httpx2.InvalidURL, ValueError) as cause:
            raise UrlRejected(f"this is no URL: {cause}") from cause
        if url.scheme not in _PORTS or not url.host:
            raise UrlRejected("an image's URL must begin with http:// or https:// and name a host")
        if url.userinfo:
            raise UrlRejected("an image's URL must have no user name or password")
        port = _PORTS[url.scheme] if url.port is None else url.port
        if port not in (_PORTS.values() if self.inputs == "public" else range(1, 65536)):
            raise UrlRejected(f"an image's URL must not lead to port {port}")
        return url

    async def _body(self, response: httpcore2.Response) -> bytes:
        if response.status != 200:
            raise UrlFetchFailed(f"the image's server answered with status {response.status}")
        if encoding := _header(response, b"content-encoding").replace("identity", ""):
            raise UrlFetchFailed(f"the image's server sent it compressed ({encoding}), which was not asked for")
        announced = _header(response, b"content-length")
        if announced.isdigit() and int(announced) > self.max_bytes:
            raise TooManyBytes(int(announced), self.max_bytes)
        body = bytearray()
        async for part in response.aiter_stream():
            body += part
            if len(body) > self.max_bytes:
                raise TooManyBytes(len(body), self.max_bytes)
        return bytes(body)


def _target(url: httpx2.URL) -> httpcore2.URL:
    """The same URL, its parts as they were checked: it is parsed once."""
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _header(response: httpcore2.Response, name: bytes) -> str:
    """An empty text where the header is missing."""
    found: bytes = next((value for key, value in response.headers if key.lower() == name), b"")
    return found.decode("latin-1")
