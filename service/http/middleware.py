"""Around every request: a limit on its body, and its count and duration for the metrics."""

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge
from service.http.error_handlers import answer, bug
from service.telemetry.logs import results_of
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import RequestContext, is_request_id, new_request_id, on_behalf_of
from service.telemetry.spans import Attributes
from service.telemetry.trace_context import trace_id_of, trace_in
from service.telemetry.tracing import Span, Tracing, within


class BodyLimit:
    """Refuses a body over `limit` bytes by its announced length, or while it comes in: never after it is stored.

    `exceptions` are other limits for requests that begin with their key: "PUT /v1/categories/".
    """

    def __init__(self, app: ASGIApp, limit: int, exceptions: Mapping[str, int]) -> None:
        self._app, self._limit, self._exceptions = app, limit, exceptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(f"{scope['method']} {scope['path']}")
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            error = BodyTooLarge(f"the request announces {int(announced):,} bytes; the limit is {limit:,}")
            scope["app"].state.metrics.requests.rejected(error.code)
            await answer(error, scope["path"])(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise BodyTooLarge(f"the request has more than {limit:,} bytes")
            return message

        await self._app(scope, counted, send)

    def _limit_of(self, request: str) -> int:
        return next((limit for start, limit in self._exceptions.items() if request.startswith(start)), self._limit)


class Measure:
    """Counts and times every request, by the route's pattern: paths with ids in them would be endless labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 499, perf_counter()  # 499: the client went away before an answer began

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.requests.started()
        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.ended(route, status, perf_counter() - started)


log = logging.getLogger(__name__)

HEADER = "X-Request-Id"

_METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")


class Named:
    """Takes the request's id from its header, or makes one, and answers with it; the same with its trace."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span = self._tracing.begin(_method(scope), "server", trace_in(scope["headers"]), _asked(scope))
        context = RequestContext(_id_of(scope), trace_id=trace_id_of(span.headers))
        span.set({"kernelsight.request_id": context.request_id})
        status, started = 499, perf_counter()  # 499: the client went away before an answer began

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = context.request_id
            await send(message)

        with on_behalf_of(context), within(span):
            try:
                await self._app(scope, receive, named)
            finally:
                route = _route(scope)
                _end(span, _method(scope), route, status)
                _log(scope["method"], route, status, perf_counter() - started, context)


class Unforeseen:
    """Turns a bug into an answer inside of what names, times and counts requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if scope["type"] != "http" or begun:
                raise  # the server breaks the connection off: nothing else tells the client
            log.exception("bug in %s %s", scope["method"], _route(scope))
            self._metrics.requests.rejected("internal")
            await bug(scope["path"])(scope, receive, send)


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).getlist(HEADER)
    return given[0] if len(given) == 1 and is_request_id(given[0]) else new_request_id()


def _route(scope: Scope) -> str | None:
    """Its pattern: a path may have anything in it."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "_OTHER"


def _asked(scope: Scope) -> Attributes:
    """OpenTelemetry's names; `url.query` and whatever else may hold a secret is left out."""
    return {"http.request.method": _method(scope), "url.scheme": scope.get("scheme", "http"), "url.path": scope["path"]}


def _end(span: Span, method: str, route: str | None, status: int) -> None:
    known: Mapping[str, str] = {} if route is None else {"http.route": route}
    span.rename(method if route is None else f"{method} {route}", {**known, "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))


def _log(method: str, route: str | None, status: int, seconds: float, context: RequestContext) -> None:
    facts: dict[str, Any] = {"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
    results = results_of(context)
    found = f", {' '.join(context.result_ids)}" if context.result_ids else ""
    log.info(
        "%s %s: %d in %.3f s%s", method, route or "(no route)", status, seconds, found, extra={"facts": facts | results}
    )
