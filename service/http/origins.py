"""Refuses what a browser was led to: requests under foreign host names, and those that other sites' pages send.

A page can have its own name resolve to 127.0.0.1 (DNS rebinding) and would then be of the same origin as a service on
its visitor's loopback; its requests carry that name in `Host`. And a page can send a form anywhere without asking;
such requests carry its origin. Neither header is a page's to choose.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import KernelSightError
from service.errors import CrossSiteRefused, HostNotAllowed
from service.http.bind import is_loopback
from service.http.error_handlers import error_response

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")  # no route changes anything on these

CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class HostMiddleware:
    """Refuses requests whose `Host` is neither a name of loopback nor in `hosts`; those without are of no browser."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(name.lower() for name in hosts)
        self._is_served = lru_cache(maxsize=256)(self._look_up)  # a client names the same host each time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name == b"host"]
            if len(given) > 1 or (given and not self._is_served(given[0])):
                error = HostNotAllowed("this host name is not served here; KERNELSIGHT_ALLOWED_HOSTS can allow it")
                await _refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _look_up(self, host: bytes) -> bool:
        name = _host_name(host.decode("latin-1"))
        return name in self._hosts or is_loopback(name)


class CrossSiteMiddleware:
    """Refuses requests that may change something if a browser sends them for a page of another origin.

    Other clients send neither `Origin` nor `Sec-Fetch-Site` and are not affected, nor are pages of `origins`.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app, self._origins = app, frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_change = scope["type"] == "http" and scope["method"] not in _SAFE_METHODS
        if may_change and self._is_foreign(dict(scope["headers"])):
            error = CrossSiteRefused("a page of another origin sent this; KERNELSIGHT_CORS_ORIGINS can allow it")
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_foreign(self, headers: Mapping[bytes, bytes]) -> bool:
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if origin in self._origins:
            return False
        if site is not None and site not in (b"same-origin", b"none"):  # none: the user, not a page
            return True
        # Without the scheme: behind a proxy that ends TLS, ours is another than the browser's.
        return origin is not None and origin.partition(b"://")[2] != headers.get(b"host", b"")


def _host_name(host: str) -> str:
    """The name without port and final dot: "[::1]:8000" is "[::1]"."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower().removesuffix(".")


async def _refuse(error: KernelSightError, scope: Scope, receive: Receive, send: Send) -> None:
    scope["app"].state.metrics.requests.count_problem(error.code)
    await error_response(error, scope["path"])(scope, receive, send)
