"""A thread for work that has time: of the lowest priority, and at rest while somebody waits."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from models.errors import Overloaded
from service.errors import NotReady

P = ParamSpec("P")
R = TypeVar("R")

_LOOK_AGAIN_SECONDS = 0.05
_LOWEST = 19


class QuietThreadClosed(NotReady):
    pass


class QuietThread:
    """One call at a time. Work in steps calls `pause` between them."""

    def __init__(self, busy: Callable[[], bool], *, limit: int = 8) -> None:
        """`busy` says whether somebody waits for the machine; `limit` bounds the calls that wait for the thread."""
        self._busy, self._limit, self._waiting = busy, limit, 0
        self._closed = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="quiet", initializer=_lower_priority)

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Raises Overloaded, QuietThreadClosed, and what `function` raises."""
        if self._waiting >= self._limit:
            raise Overloaded("the thread that looks at kernels", self._limit, retry_seconds=5.0)
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._executor.submit(self._begin, lambda: function(*args, **kwargs)))
        finally:
            self._waiting -= 1

    def _begin(self, call: Callable[[], R]) -> R:
        self.pause()
        return call()

    def pause(self) -> None:
        """In the thread: return when nobody waits; raises QuietThreadClosed."""
        while not self._closed.is_set() and self._busy():
            self._closed.wait(_LOOK_AGAIN_SECONDS)
        if self._closed.is_set():
            raise QuietThreadClosed("the service is shutting down")

    def close(self) -> None:
        """The call in progress ends at its next pause."""
        self._closed.set()
        self._executor.shutdown(wait=True, cancel_futures=True)


def _lower_priority() -> None:
    if sys.platform == "linux":  # where priorities belong to threads; elsewhere it would be the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
