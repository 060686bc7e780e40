"""Whose request this is: what logs, records and exemplars name it by."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`operation` is what was asked for ("features", "analyze"), `trace_id` the W3C trace's, where there is one."""

    request_id: str
    operation: str | None = None
    trace_id: str | None = None


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def current() -> RequestContext | None:
    return _current.get()


@contextmanager
def on_behalf_of(context: RequestContext) -> Iterator[None]:
    """For this block, and for the tasks that it starts."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
