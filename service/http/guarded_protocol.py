"""uvicorn's HTTP/1.1 protocol under limits of time, size and number."""

import asyncio
from typing import Any, Literal

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from models.errors import KernelSightError
from service.errors import HeadersTooLarge, RequestMalformed, RequestTooSlow, TooManyConnections, UrlTooLong
from service.http.connection_guard import ConnectionGuard, EndReason
from service.http.connections import address_group
from service.http.doorkeeper import Doorkeeper, encode_problem

WINDOW_SECONDS = 10.0  # over which a client's rate is measured

_HEADER_OVERHEAD = 32  # bytes that each header counts more than it has, as in HPACK (RFC 7541, 4.1)
_MAX_PIPELINED = 16  # requests that wait on one connection for the answers to those before
_LINGER_SECONDS = 2.0  # for the client to read a refusal; closing at once would reset the connection under it
_CHUNK_OVERHEAD = 16  # bytes around a chunk of a body, which may have a single byte

_Phase = Literal["headers", "body", "idle", "over"]


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Its phase is that of receiving: an answer may be on its way in any of them.

    In `idle`, nothing is expected but an answer or, within uvicorn's keep-alive timeout, another request.
    """

    def __init__(
        self,
        guard: ConnectionGuard,
        doorkeeper: Doorkeeper,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard, self._limits, self._table = guard, guard.limits, guard.table
        self._doorkeeper = doorkeeper
        self.address = ""
        self._phase: _Phase = "headers"
        self._since = self._window_since = self.loop.time()
        self._has_begun = self._begins = False  # whether a byte of the message has arrived, and in the newest chunk
        self._received = self._body_received = self._window_received = 0
        self._was_paused = False
        self._is_answered = False  # the message that is being received has been refused, and its body is not kept
        self._fault: KernelSightError | None = None
        self._unread: tuple[float, int] | None = None  # when the client was last seen reading, and what it had left

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.address = address_group(self.client[0] if self.client else "")
        if not self._table.admit(self):
            self._end("no-place")

    def connection_lost(self, exc: Exception | None) -> None:
        self._table.remove(self)
        super().connection_lost(exc)

    def give_way(self) -> None:
        self._end("gave-way")

    def data_received(self, data: bytes) -> None:
        if self._phase == "over":
            return
        self._table.note_activity(self)
        had_begun, self._begins = self._has_begun, False
        super().data_received(data)
        self._count(len(data), is_new=self._begins or not had_begun)

    def _count(self, received: int, *, is_new: bool) -> None:
        """Bytes of the chunk that a message began in are not counted: the end of the one before may be in it, too."""
        if self._phase == "idle" and not self._is_answering():
            self._expect_headers()  # line breaks between requests, which have just ended uvicorn's keep-alive timeout
        if is_new or self._phase not in ("headers", "body"):
            return
        self._received += received
        if self._phase == "headers" and self._received > self._limits.max_header_bytes:
            self._refuse(self._header_error(), "refused")
        elif self._phase == "body" and self._received - self._body_received > self._most_overhead():
            self._refuse(HeadersTooLarge("the body's chunks have more around them than within"), "refused")

    # Messages

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase != "headers":
            self._expect_headers()
        self._has_begun = self._begins = True

    def on_headers_complete(self) -> None:
        self._fault = self._find_fault()
        if self._fault is not None:
            raise self._fault  # stops the parser, and comes back as send_400_response
        self._is_answered = self._turn_away()
        self._phase, self._since = "body", self.loop.time()
        self._received = self._body_received = 0
        self._begin_window(self._since)
        if not self._is_answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_received += len(body)
        self._window_received += len(body)
        if not self._is_answered:
            super().on_body(body)
            self._was_paused |= self.flow.read_paused

    def on_message_complete(self) -> None:
        self._phase, self._has_begun = "idle", False
        if self._is_answered:
            self._is_answered = False
            self.on_response_complete()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._table.end_request(self)
        super().on_response_complete()

    def resume_writing(self) -> None:
        self._unread = None  # the client has read enough for more to be written
        super().resume_writing()

    # Limits

    def check(self, now_seconds: float) -> None:
        """End the connection if the client is too slow."""
        waited = now_seconds - self._since
        match self._phase:
            case "over" if waited > _LINGER_SECONDS:
                self.transport.abort()
            case "headers" if waited > self._limits.header_seconds and self._has_begun:
                self._refuse(RequestTooSlow("the headers did not arrive in time"), "slow-headers")
            case "headers" if waited > self._limits.header_seconds:
                self._end("silent")
            case "body":
                self._check_body(now_seconds, waited)
        self._check_reading(now_seconds)

    def _check_body(self, now_seconds: float, waited: float) -> None:
        if not self._is_answered and (self.flow.read_paused or self.cycle.waiting_for_100_continue):
            self._begin_window(now_seconds)  # the next step is ours
        elif waited > self._limits.body_seconds:
            self._refuse(RequestTooSlow(f"the body did not arrive within {self._limits.body_seconds:g} s"), "slow-body")
        elif now_seconds - self._window_since >= WINDOW_SECONDS:
            if self._window_received < self._least() and not self._was_paused:
                limit = self._limits.min_bytes_per_second
                self._refuse(RequestTooSlow(f"the body arrives at less than {limit} bytes a second"), "slow-body")
            else:
                self._begin_window(now_seconds)

    def _check_reading(self, now_seconds: float) -> None:
        """While nothing is added to what the client has to read, that has to become less."""
        unread = self.transport.get_write_buffer_size()
        is_final = self.flow.write_paused or self.transport.is_closing() or not self._is_answering()
        if not unread or not is_final:
            self._unread = None
        elif self._unread is None:
            self._unread = (now_seconds, unread)
        elif now_seconds - self._unread[0] >= WINDOW_SECONDS:
            if self._unread[1] - unread < self._least():
                self._end("slow-reader")
            self._unread = (now_seconds, unread)

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls this where the parser, or `on_headers_complete`, finds fault with a request."""
        self._refuse(self._fault or RequestMalformed("this is not HTTP/1.1"), "refused")

    def _find_fault(self) -> KernelSightError | None:
        size = sum(len(name) + len(value) + _HEADER_OVERHEAD for name, value in self.headers)
        if len(self.url) > self._limits.max_url_bytes or size > self._limits.max_header_bytes:
            return self._header_error()
        if len(self.pipeline) >= _MAX_PIPELINED:
            return RequestMalformed("too many requests wait on one connection for their answers")
        if not self._table.begin_request(self):
            return TooManyConnections("too many requests are being received and answered; try again in a moment")
        return None

    def _turn_away(self) -> bool:
        """Whether the request was refused for overload at once. Its body is read on, for the sake of the connection."""
        is_plain = self.parser.should_keep_alive() and not self.expect_100_continue
        if not is_plain or self._is_answering() or self.flow.write_paused:
            return False
        common = self.server_state.default_headers
        answer = self._doorkeeper.find_refusal(self.parser.get_method(), self.url, self.headers, common)
        if answer is None:
            return False
        self.transport.write(answer)
        return True

    def _refuse(self, error: KernelSightError, reason: EndReason) -> None:
        """Answer with a problem if the client can take it for the answer to this request, and read nothing more."""
        if not self._can_answer() or self.transport.is_closing():
            self._end(reason)
            return
        if self._phase == "body":
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._guard.note_end(reason)
        self._guard.count_problem(error.code)
        self._phase, self._since = "over", self.loop.time()
        self._table.end_request(self)
        self.flow.resume_reading()
        self.transport.write(encode_problem(error, "", [(b"connection", b"close")]))  # no id: no complete request
        self.transport.write_eof()

    def _end(self, reason: EndReason) -> None:
        self._guard.note_end(reason)
        self._phase = "over"
        self.transport.abort()

    def _expect_headers(self) -> None:
        self._phase, self._since, self._received = "headers", self.loop.time(), 0

    def _begin_window(self, now_seconds: float) -> None:
        self._window_since, self._window_received, self._was_paused = now_seconds, 0, False

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _can_answer(self) -> bool:
        if self._is_answered:
            return False
        if self._phase == "body" and not self.pipeline:
            return not self.cycle.response_started
        return not self._is_answering()

    def _header_error(self) -> KernelSightError:
        limits = self._limits
        if len(self.url) > limits.max_url_bytes:
            return UrlTooLong(f"the URL has more than {limits.max_url_bytes:,} bytes")
        return HeadersTooLarge(f"the headers have more than {limits.max_header_bytes:,} bytes")

    def _most_overhead(self) -> int:
        return self._limits.max_header_bytes + _CHUNK_OVERHEAD * self._body_received

    def _least(self) -> float:
        return self._limits.min_bytes_per_second * WINDOW_SECONDS
