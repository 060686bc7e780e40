"""The current request: ids for logs, audit records, spans and exemplars, its sender, trace, and waits for other hosts.

Headers are W3C Trace Context: https://www.w3.org/TR/trace-context/
"""

import random
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # they load numpy, which the command line needs only when it runs a pipeline
    from pipelines.findings import Observation
    from pipelines.moderation.text_pipeline import ModeratedText

MAX_RESULT_IDS = 32  # recorded for one request: as many as a moderation may have

_MAX_ID_LENGTH = 128  # characters
_ID_CHARACTERS = frozenset(string.ascii_letters + string.digits + "._:-")
_HEX_DIGITS = frozenset("0123456789abcdef")
_PARENT_LENGTHS = [2, 32, 16, 2]  # of version, trace, span and flags
_MAX_HEADER_LENGTH = 512  # characters


@dataclass(frozen=True, slots=True)
class Sender:
    """The name of the API key that a request came with, and its tenant, to which belongs what the request makes.

    Both are None for the key from the environment, and where no keys are in use. `counts_pixels`: the key has a limit
    of pixels a minute, whichever process decodes them. `reads_documents`: it has the scope for that.
    """

    key: str | None = None
    tenant: str | None = None
    counts_pixels: bool = False
    reads_documents: bool = True


NOBODY = Sender()


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`operation` is the requested one ("features", "analyze"); `trace_id` is that of the W3C trace, if there is one.

    A job has its own id and that of the request that enqueued it. `result_ids` grows while the request is answered.
    `sender` is the key that the request came with, `address` the client's; a job has no address.
    """

    request_id: str
    operation: str | None = None
    trace_id: str | None = None
    job_id: str | None = None
    sender: Sender = NOBODY
    address: str = ""
    result_ids: list[str] = field(default_factory=list)

    @property
    def result_facts(self) -> dict[str, Any]:
        """Fields of a log line: `result_id`, or `result_ids` if there are several."""
        ids = self.result_ids
        return {} if not ids else {"result_id": ids[0]} if len(ids) == 1 else {"result_ids": ids}


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def current_request() -> RequestContext | None:
    return _current.get()


@contextmanager
def bind_request(context: RequestContext) -> Iterator[None]:
    """`context` is the current request in this block and in the tasks that it starts."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def bind_operation(operation: str) -> Iterator[None]:
    """The current request with `operation` set, or a new request if there is none."""
    context = _current.get() or RequestContext(new_request_id())
    with bind_request(replace(context, operation=operation)):
        yield


def name_sender(sender: Sender) -> None:
    """The current request is this sender's until its `bind_request` ends."""
    context = _current.get()
    if context is not None and sender != context.sender:
        _current.set(replace(context, sender=sender))


def current_sender() -> Sender:
    context = _current.get()
    return NOBODY if context is None else context.sender


def current_caller_name() -> str:
    """Who shares turns: a tenant, the holder of a key without one, or an address; "" where none is known."""
    if (context := _current.get()) is None:
        return ""
    sender = context.sender
    return f"tenant {sender.tenant}" if sender.tenant else f"key {sender.key}" if sender.key else context.address


def new_request_id() -> str:
    """Not from the kernel: under load the event loop would wait its turn again after each system call."""
    return f"req_{random.getrandbits(128):032x}"


def is_request_id(text: str) -> bool:
    """Whether a client's id is short and plain enough to be copied into logs and headers."""
    return 0 < len(text) <= _MAX_ID_LENGTH and _ID_CHARACTERS.issuperset(text)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that a client gave its request, where that may be copied; else a new one. Names are in lower case."""
    given = [value.decode("latin-1") for name, value in headers if name == b"x-request-id"]
    return given[0] if len(given) == 1 and is_request_id(given[0]) else new_request_id()


def record_result_id(observation: "Observation") -> None:
    """Observer of the engine: adds the result to the current request."""
    _record(observation.findings.result_id)


def record_text_result_id(judged: "ModeratedText") -> None:
    """Observer of moderated texts: adds the result to the current request."""
    _record(judged.result_id)


def _record(result_id: str) -> None:
    context = _current.get()
    if context is not None and len(context.result_ids) < MAX_RESULT_IDS:
        context.result_ids.append(result_id)


Notify = Callable[[], None]

_wait_listener: ContextVar[tuple[Notify, Notify] | None] = ContextVar("wait_listener", default=None)


@contextmanager
def on_outside_wait(began: Notify, ended: Notify) -> Iterator[None]:
    """Calls `began` and `ended` around each wait inside this block, and in asyncio tasks started in it."""
    token = _wait_listener.set((began, ended))
    try:
        yield
    finally:
        _wait_listener.reset(token)


@contextmanager
def outside_wait() -> Iterator[None]:
    """The block waits for another host, which is no work of this service: whoever measures the request is told."""
    listener = _wait_listener.get()
    if listener is None:
        yield
        return
    began, ended = listener
    began()
    try:
        yield
    finally:
        ended()


def extract_trace_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """A request's `traceparent` and `tracestate`; nothing if `traceparent` is missing or malformed."""
    found: dict[str, list[str]] = {"traceparent": [], "tracestate": []}
    for name, value in headers:
        if name in (b"traceparent", b"tracestate"):
            found[name.decode()].append(value.decode("latin-1").strip())
    parents, states = found["traceparent"], ",".join(found["tracestate"])
    if len(parents) != 1 or not _is_parent(parents[0]):
        return {}
    return {"traceparent": parents[0]} | ({"tracestate": states} if 0 < len(states) <= _MAX_HEADER_LENGTH else {})


def parse_trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace id in headers that `extract_trace_headers` returned."""
    parent = headers.get("traceparent")
    return None if parent is None else parent.split("-")[1]


def _is_parent(text: str) -> bool:
    """Version 00 has four fields; a later one may append more after a dash. Version ff and zeros are invalid."""
    fields = text.split("-", 4) if len(text) <= _MAX_HEADER_LENGTH else []
    if [len(one) for one in fields[:4]] != _PARENT_LENGTHS or not _HEX_DIGITS.issuperset("".join(fields[:4])):
        return False
    version, trace, span, *_ = fields
    return version != "ff" and bool(trace.strip("0") and span.strip("0")) and (version != "00" or len(fields) == 4)
