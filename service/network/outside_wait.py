"""Tells who measures a request's work when the request waits for another host, which is no work of this service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Notify = Callable[[], None]

_listener: ContextVar[tuple[Notify, Notify] | None] = ContextVar("outside_wait", default=None)


@contextmanager
def on_outside_wait(began: Notify, ended: Notify) -> Iterator[None]:
    """Calls `began` and `ended` around each wait inside this block, and in asyncio tasks started in it."""
    token = _listener.set((began, ended))
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def outside_wait() -> Iterator[None]:
    """The block waits for another host."""
    began, ended = _listener.get() or (_ignore, _ignore)
    began()
    try:
        yield
    finally:
        ended()


def _ignore() -> None:
    pass
