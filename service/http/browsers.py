"""Refuses what a browser was led to, and tells browsers what they may do with an answer.

A page can have its own name resolve to 127.0.0.1 (DNS rebinding) and would then be of the same origin as a service on
its visitor's loopback; its requests carry that name in `Host`. And a page can send a form anywhere without asking;
such requests carry its origin. Neither header is a page's to choose.
"""

from collections.abc import Collection
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import KernelSightError
from service.errors import CrossSiteRefused, HostNotAllowed
from service.http.bind import is_loopback
from service.http.error_handlers import error_response

CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")  # no route changes anything on these

_CSP = b"content-security-policy"

_ALL = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)

# An answer of the API that a browser shows as a page can load and run nothing.
API_HEADERS = (*_ALL, (_CSP, b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"))


class BrowserMiddleware:
    """Adds `API_HEADERS` to each response, but for a content security policy of its own, and refuses two requests.

    One is a request whose `Host` is neither a name of loopback nor in `hosts`, unless that is None; those without are
    of no browser. The other is one that may change something, and that a browser sends for a page of another origin.
    Other clients send neither `Origin` nor `Sec-Fetch-Site` and are not affected, nor are pages of `origins`.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] | None, origins: Collection[str]) -> None:
        self._app, self._origins = app, frozenset(origin.encode() for origin in origins)
        self._hosts = None if hosts is None else frozenset(name.lower() for name in hosts)
        self._is_served = lru_cache(maxsize=256)(self._look_up)  # a client names the same host each time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                has_policy = any(name == _CSP for name, _ in headers)
                message["headers"] = [*headers, *(_ALL if has_policy else API_HEADERS)]
            await send(message)

        error = self._find_fault(scope)
        if error is None:
            await self._app(scope, receive, send_with_headers)
        else:
            scope["app"].state.metrics.requests.count_problem(error.code)
            await error_response(error, scope["path"])(scope, receive, send_with_headers)

    def _find_fault(self, scope: Scope) -> KernelSightError | None:
        headers = scope["headers"]
        given = [value for name, value in headers if name == b"host"]
        if self._hosts is not None and (len(given) > 1 or (given and not self._is_served(given[0]))):
            return HostNotAllowed("this host name is not served here; KERNELSIGHT_ALLOWED_HOSTS can allow it")
        if scope["method"] not in _SAFE_METHODS and self._is_foreign(dict(headers)):
            return CrossSiteRefused("a page of another origin sent this; KERNELSIGHT_CORS_ORIGINS can allow it")
        return None

    def _look_up(self, host: bytes) -> bool:
        name = _host_name(host.decode("latin-1"))
        return is_loopback(name) or (self._hosts is not None and name in self._hosts)

    def _is_foreign(self, headers: dict[bytes, bytes]) -> bool:
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
