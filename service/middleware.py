"""Around every request: a limit on its body, and its count and duration for the metrics."""

from collections.abc import Mapping
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge
from service.metrics import Metrics
from service.problems import answer


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
