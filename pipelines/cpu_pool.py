"""A bounded thread pool with two priorities, for decoding and array work."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

from models.priority import Priority
from models.runtime.request_queue import QueuedRequest, RequestQueue

P = ParamSpec("P")
R = TypeVar("R")

_Call = tuple[Future[Any], Callable[[], Any]]

_priority: ContextVar[Priority] = ContextVar("priority", default="interactive")


@contextmanager
def at_priority(priority: Priority) -> Iterator[None]:
    """Calls made inside this block, and by asyncio tasks started in it, queue at `priority`."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


class CpuPool:
    """Threads for decoding and array work, so that the event loop never computes.

    At most `limit` calls of each priority may wait; the next one raises Overloaded. A cancelled call is dropped
    unless a thread has begun it.
    """

    def __init__(self, *, threads: int | None = None, limit: int = 256) -> None:
        import cv2  # here, so that a process that decodes nothing does not load it

        cv2.setNumThreads(1)  # the pool is the parallelism: OpenCV's own threads would compete for its cores
        self.threads = threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="cpu")
        self._busy_threads: set[int] = set()  # thread idents
        self._queue: RequestQueue[_Call] = RequestQueue("the decoder", limit)

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: Future[R] = Future()
        call: _Call = (result, partial(function, *args, **kwargs))
        waiting = QueuedRequest(call, (), _priority.get())
        self._queue.put(waiting)
        self._executor.submit(self._next)  # a free thread takes the most urgent call, which need not be this one
        try:
            return await asyncio.wrap_future(result)
        finally:
            self._queue.discard(waiting)

    @property
    def busy(self) -> int:
        """Number of threads that are computing."""
        return len(self._busy_threads)

    def depth(self, priority: Priority) -> int:
        """Number of calls of `priority` that wait for a thread."""
        return self._queue.depth(priority)

    def _next(self) -> None:
        self._busy_threads.add(get_ident())
        try:
            self._take_one()
        finally:
            self._busy_threads.discard(get_ident())

    def _take_one(self) -> None:
        for waiting in self._queue.take(1, wait=False) or ():
            result, call = waiting.work
            if not result.set_running_or_notify_cancel():
                continue
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
