"""Whose request this is: what logs, records and exemplars name it by."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from pipelines.findings import Observation
from pipelines.moderation.text_pipeline import ModeratedText

MAX_RESULT_IDS = 32  # that are noted of one request: as many as a moderation may have

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`operation` is what was asked for ("features", "analyze"), `trace_id` the W3C trace's, where there is one.

    A job has the id of the request that it came with, and its own. `result_ids` grows while the request is answered.
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
    """For this block, and for the tasks that it starts."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def bind_operation(operation: str) -> Iterator[None]:
    """The same request, which this block does `operation` for; one of its own where nobody asked."""
    context = _current.get() or RequestContext(new_request_id())
    with bind_request(replace(context, operation=operation)):
        yield


def new_request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


def is_request_id(text: str) -> bool:
    """Whether it is short and plain enough to stand in logs and headers as it came."""
    return _ID.fullmatch(text) is not None


def record_result_id(seen: Observation) -> None:
    """The engine's observer: what was found belongs to the request that it was looked for."""
    _note(seen.findings.result_id)


def record_text_result_id(judged: ModeratedText) -> None:
    """The same of texts."""
    _note(judged.result_id)


def _note(result_id: str) -> None:
    context = _current.get()
    if context is not None and len(context.result_ids) < MAX_RESULT_IDS:
        context.result_ids.append(result_id)
