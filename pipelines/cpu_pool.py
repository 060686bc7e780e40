"""A bounded thread pool with two priorities, for decoding and array work."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import get_ident

import cv2

from models.priority import Priority
from models.runtime.request_queue import RequestQueue, Waiting
from pipelines.pipeline import P, _priority, _Work
from pipelines.run_context import R


@contextmanager
def at_priority(priority: Priority) -> Iterator[None]:
    """What is computed for this block, and for the tasks that it starts, waits in the line of `priority`."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


class CpuPool:
    """Threads for decoding and array work, so that the event loop never computes.

    Bounded: `limit` calls of each priority may wait, the next one raises Overloaded. A cancelled caller's work is
    dropped if it has not begun.
    """

    def __init__(self, *, threads: int | None = None, limit: int = 256) -> None:
        cv2.setNumThreads(1)  # this pool is the parallelism: OpenCV's own threads would fight over its cores
        self.threads = threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="cpu")
        self._at_work: set[int] = set()  # idents of the threads that compute now
        self._line: RequestQueue[_Work] = RequestQueue("the decoder", limit)

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: Future[R] = Future()
        work: _Work = (result, partial(function, *args, **kwargs))
        waiting = Waiting(work, (), _priority.get())
        self._line.put(waiting)
        self._executor.submit(self._next)  # a thread takes what is most urgent when it is free, not this call
        try:
            return await asyncio.wrap_future(result)
        finally:
            self._line.discard(waiting)

    @property
    def busy(self) -> int:
        """Threads that compute now."""
        return len(self._at_work)

    def depth(self, priority: Priority) -> int:
        """Calls of `priority` that wait for a thread."""
        return self._line.depth(priority)

    def _next(self) -> None:
        self._at_work.add(get_ident())
        try:
            self._take_one()
        finally:
            self._at_work.discard(get_ident())

    def _take_one(self) -> None:
        for waiting in self._line.take(1, wait=False) or ():
            result, call = waiting.work
            if not result.set_running_or_notify_cancel():
                continue
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
