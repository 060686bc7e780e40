"""Around every request: its id, its trace and its line in the log; and an answer where there is a bug."""

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import RequestContext, is_request_id, new_request_id, on_behalf_of
from service.logs import results_of
from service.metrics import Metrics
from service.problems import bug
from service.trace_context import trace_id_of, trace_in
from service.tracing import Attributes, Span, Tracing, within

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
