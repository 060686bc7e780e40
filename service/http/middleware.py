"""ASGI middleware around every request: its id, trace and metrics, limits of its size, and bugs as responses."""

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import KernelSightError
from service.errors import BodyTooLarge, RequestTooComplex
from service.http.connections import address_group
from service.http.error_handlers import error_response, internal_error_response
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import (
    RequestContext,
    bind_request,
    current_request,
    extract_trace_headers,
    parse_trace_id,
    request_id_of,
)
from service.telemetry.spans import SpanAttributes
from service.telemetry.tracing import Span, Tracing, use_span

log = logging.getLogger(__name__)

_REQUEST_ID = b"x-request-id"

_METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")


class RequestMiddleware:
    """Takes the request's id from its header or makes one, sends it back, and continues or starts the trace.

    Counts, times and logs the request by its route's pattern: paths have ids in them and would make endless labels.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing, metrics: Metrics) -> None:
        self._app, self._tracing, self._metrics = app, tracing, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = self._tracing.begin(
            method, "server", extract_trace_headers(scope["headers"]), _request_attributes(scope, method)
        )
        client = scope.get("client")
        address = address_group(client[0]) if client else ""
        context = RequestContext(
            request_id_of(scope["headers"]), trace_id=parse_trace_id(span.headers), address=address
        )
        span.set({"kernelsight.request_id": context.request_id})
        state = scope.setdefault("state", {})
        status, started = 499, perf_counter()  # 499: the client left before a response began

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                rates = state.get("reply_headers", {}).items()  # of the key's limits, errors included
                own = [(name.lower().encode(), value.encode()) for name, value in rates]
                message["headers"] = [*message["headers"], (_REQUEST_ID, context.request_id.encode()), *own]
            await send(message)

        self._metrics.requests.begin_request()
        with bind_request(context), use_span(span):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                route, seconds = _route(scope), perf_counter() - started
                self._metrics.requests.end_request(route or "none", status, seconds)
                _end_span(span, method, route, status)
                _log_request(scope["method"], route, status, seconds, current_request() or context)


class RequestLimitMiddleware:
    """Refuses a query with more than `max_parameters`, and a body over `limit` bytes.

    A body is refused by its announced length or while it arrives, so before it is stored. `exceptions` gives other
    limits to requests that begin with a key: "PUT /v1/categories/".
    """

    def __init__(self, app: ASGIApp, *, limit: int, exceptions: Mapping[str, int], max_parameters: int) -> None:
        self._app, self._limit, self._exceptions = app, limit, exceptions
        self._max_parameters = max_parameters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(f"{scope['method']} {scope['path']}")
        error = self._find_fault(scope, limit)
        if error is not None:
            scope["app"].state.metrics.requests.count_problem(error.code)
            await error_response(error, scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise BodyTooLarge(f"the request has more than {limit:,} bytes")
            return message

        await self._app(scope, receive_counted, send)

    def _limit_of(self, request: str) -> int:
        return next((limit for start, limit in self._exceptions.items() if request.startswith(start)), self._limit)

    def _find_fault(self, scope: Scope, limit: int) -> KernelSightError | None:
        if scope["query_string"].count(b"&") >= self._max_parameters:
            return RequestTooComplex(f"the query has more than {self._max_parameters:,} parameters")
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > limit:
            return BodyTooLarge(f"the request announces {int(announced):,} bytes; the limit is {limit:,}")
        return None


class UnexpectedErrorMiddleware:
    """Answers with a problem when a bug raises. It is innermost, so that the response has an id and is counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_noting_start(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except Exception:
            if scope["type"] != "http" or has_begun:
                raise  # the server breaks off the connection, which is the only way left to tell the client
            log.exception("bug in %s %s", scope["method"], _route(scope))
            self._metrics.requests.count_problem("internal")
            await internal_error_response(scope["path"])(scope, receive, send)


def _route(scope: Scope) -> str | None:
    """The route's pattern. A path may contain anything, so it is neither logged nor a label."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path


def _request_attributes(scope: Scope, method: str) -> SpanAttributes:
    """Attributes by OpenTelemetry's names, without `url.query` and others that may hold a secret."""
    return {"http.request.method": method, "url.scheme": scope.get("scheme", "http"), "url.path": scope["path"]}


def _end_span(span: Span, method: str, route: str | None, status: int) -> None:
    attributes: Mapping[str, str] = {} if route is None else {"http.route": route}
    span.rename(method if route is None else f"{method} {route}", {**attributes, "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))


def _log_request(method: str, route: str | None, status: int, seconds: float, context: RequestContext) -> None:
    facts: dict[str, Any] = {"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
    facts["key"] = context.sender.key
    results = context.result_facts
    found = f", {' '.join(context.result_ids)}" if context.result_ids else ""
    log.info(
        "%s %s: %d in %.3f s%s", method, route or "(no route)", status, seconds, found, extra={"facts": facts | results}
    )
