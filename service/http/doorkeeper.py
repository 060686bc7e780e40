"""Refuses overload on the connection itself: no task, no middleware, the connection stays open for the next request.

At four times the load three of four requests are refused, so what a refusal costs is taken from the answers.
OverloadMiddleware asks the same doors, and refuses what is left to it: requests of browsers, which need headers of
their own, and those whose connection is to be closed.
"""

import logging
from collections.abc import Iterable, Mapping

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from models.errors import KernelSightError, Overloaded
from service.http.browsers import API_HEADERS
from service.http.error_handlers import error_response
from service.http.operations import prefers_async
from service.http.overload import Door
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import RequestContext, bind_request, request_id_of

log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]  # names in lower case


class Doorkeeper:
    """`doors` has the door of each operation by its path."""

    def __init__(self, doors: Mapping[str, Door], metrics: Metrics) -> None:
        self._doors, self._metrics = doors, metrics.requests

    def find_refusal(self, method: bytes, url: bytes, headers: Headers, common_headers: Headers) -> bytes | None:
        """The whole response to a request that would wait too long, or none; `common_headers` are every response's."""
        path = url.partition(b"?")[0].decode("latin-1")
        door = self._doors.get(path) if method == b"POST" else None
        if door is None or prefers_async(headers) or any(name == b"origin" for name, _ in headers):
            return None
        try:
            door.check()
        except Overloaded as error:
            return self._refuse(error, path, headers, common_headers)
        return None

    def _refuse(self, error: Overloaded, path: str, headers: Headers, common_headers: Headers) -> bytes:
        self._metrics.count_problem(error.code)
        self._metrics.count_answer(path, 429, 0.0)
        context = RequestContext(request_id_of(headers))
        with bind_request(context):
            log.info("POST %s: 429, refused before it was read", path)
            own = (b"x-request-id", context.request_id.encode())
            return encode_problem(error, path, [own, *common_headers])


def encode_problem(error: KernelSightError, path: str, headers: Headers) -> bytes:
    """A whole HTTP/1.1 response with a problem, the headers of all responses of the API, and `headers`."""
    response = error_response(error, path)
    lines = (b"%s: %s\r\n" % header for header in (*response.raw_headers, *API_HEADERS, *headers))
    return b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)])
