"""A thread for work that is not urgent: it has the lowest priority, and rests while a client waits."""

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
ResultT = TypeVar("ResultT")

_POLL_SECONDS = 0.05
_LOWEST_PRIORITY = 19


class IdleThreadClosed(NotReady):
    pass


class IdleThread:
    """Runs one call at a time. Long work calls `pause` between its steps."""

    def __init__(self, is_busy: Callable[[], bool], *, limit: int = 8) -> None:
        """`is_busy` tells whether a client waits for the machine; `limit` bounds the calls that wait for the thread."""
        self._is_busy, self._limit, self._waiting = is_busy, limit, 0
        self._closed = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="idle", initializer=_lower_priority)

    async def run(
        self,
        function: Callable[P, ResultT],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> ResultT:
        """Raises Overloaded, IdleThreadClosed, and what `function` raises."""
        if self._waiting >= self._limit:
            raise Overloaded("the thread that inspects kernels", self._limit, retry_seconds=5.0)
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._executor.submit(self._begin, lambda: function(*args, **kwargs)))
        finally:
            self._waiting -= 1

    def _begin(self, call: Callable[[], ResultT]) -> ResultT:
        self.pause()
        return call()

    def pause(self) -> None:
        """Called in the thread: block while a client waits. Raises IdleThreadClosed."""
        while not self._closed.is_set() and self._is_busy():
            self._closed.wait(_POLL_SECONDS)
        if self._closed.is_set():
            raise IdleThreadClosed("the service is shutting down")

    def close(self) -> None:
        """The call in progress ends at its next pause."""
        self._closed.set()
        self._executor.shutdown(wait=True, cancel_futures=True)


def _lower_priority() -> None:
    if sys.platform == "linux":  # here priorities are per thread; elsewhere this would lower the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
