"""The current request's ids, which logs, audit records, spans and exemplars carry."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they load numpy, which the command line needs only when it runs a pipeline
    from pipelines.findings import Observation
    from pipelines.moderation.text_pipeline import ModeratedText

MAX_RESULT_IDS = 32  # recorded for one request: as many as a moderation may have

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`operation` is the requested one ("features", "analyze"); `trace_id` is that of the W3C trace, if there is one.

    A job has its own id and that of the request that enqueued it. `result_ids` grows while the request is answered.
    """

    request_id: str
    operation: str | None = None
    trace_id: str | None = None
    job_id: str | None = None
    result_ids: list[str] = field(default_factory=list)


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


def new_request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


def is_request_id(text: str) -> bool:
    """Whether a client's id is short and plain enough to be copied into logs and headers."""
    return _ID.fullmatch(text) is not None


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
