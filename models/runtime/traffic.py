"""Whether the inferences of the current context are traffic: warm-up and canaries are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_traffic: ContextVar[bool] = ContextVar("is_traffic", default=True)


def is_traffic() -> bool:
    return _is_traffic.get()


@contextmanager
def as_traffic(wanted: bool) -> Iterator[None]:
    """Whether inferences in this block, and in the tasks that it starts, are passed to listeners."""
    token = _is_traffic.set(wanted)
    try:
        yield
    finally:
        _is_traffic.reset(token)
