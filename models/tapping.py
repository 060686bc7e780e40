"""Who listens to the inferences of a model as they are answered: what compares versions does."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from models.lane import Inference
from models.session import Array

# Told the inputs, with a leading axis of rows or without, and the answer: on the event loop, so it has to be quick.
Tap = Callable[[Mapping[str, Array], Inference], None]

_is_traffic: ContextVar[bool] = ContextVar("is_traffic", default=True)


def is_traffic() -> bool:
    return _is_traffic.get()


@contextmanager
def as_traffic(wanted: bool) -> Iterator[None]:
    """Whether taps hear of what is inferred in this block and in the tasks that it starts."""
    token = _is_traffic.set(wanted)
    try:
        yield
    finally:
        _is_traffic.reset(token)
