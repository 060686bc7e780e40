"""Bounded thread pools of two priorities, for decoding and array work."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

from models.priority import PRIORITIES, Priority
from models.runtime.request_queue import QueuedRequest, RequestQueue
from models.thread_priority import lower_thread_priority
from pipelines.allocator import give_back_large_blocks

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

    Each priority has `threads` of its own, because a call that has begun cannot be interrupted: an interactive one
    never waits for a page of a document, and where both run, the operating system prefers it. At most `limit` calls of
    each priority may wait; the next one raises Overloaded. A cancelled call is dropped unless a thread has begun it.
    """

    def __init__(self, *, threads: int | None = None, limit: int = 256) -> None:
        import cv2  # here, so that a process that decodes nothing does not load it

        give_back_large_blocks()
        cv2.setNumThreads(1)  # the pool is the parallelism: OpenCV's own threads would compete for its cores
        each = threads or os.cpu_count() or 1
        self.threads = each * len(PRIORITIES)
        self._executors = {
            "interactive": ThreadPoolExecutor(each, "cpu"),
            "batch": ThreadPoolExecutor(each, "cpu batch", initializer=lower_thread_priority),
        }
        self._busy_threads: set[int] = set()  # thread idents
        self._queues: dict[Priority, RequestQueue[_Call]] = {
            one: RequestQueue("the decoder", limit) for one in PRIORITIES
        }

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: Future[R] = Future()
        call: _Call = (result, partial(function, *args, **kwargs))
        priority = _priority.get()
        waiting, queue = QueuedRequest(call, (), priority), self._queues[priority]
        queue.put(waiting)
        self._executors[priority].submit(self._take_one, queue)
        try:
            return await asyncio.wrap_future(result)
        finally:
            queue.discard(waiting)

    @property
    def busy(self) -> int:
        """Number of threads that are computing."""
        return len(self._busy_threads)

    def depth(self, priority: Priority) -> int:
        """Number of calls of `priority` that wait for a thread."""
        return self._queues[priority].depth(priority)

    def _take_one(self, queue: RequestQueue[_Call]) -> None:
        for waiting in queue.take(1, wait=False) or ():
            result, call = waiting.work
            if result.set_running_or_notify_cancel():
                self._busy_threads.add(get_ident())
                try:
                    result.set_result(call())
                except BaseException as error:
                    result.set_exception(error)
                finally:
                    self._busy_threads.discard(get_ident())

    def close(self) -> None:
        for executor in self._executors.values():
            executor.shutdown(wait=True, cancel_futures=True)
