"""A queue of its own for each test, in a real Valkey."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from service.queue.client import JobQueue
from service.queue.connection import QueueConnection
from service.queue.scripts import ScriptRunner

OpenQueue = Callable[..., AbstractAsyncContextManager[JobQueue]]

_numbers = itertools.count()


@pytest.fixture
def open_queue(url: str) -> OpenQueue:
    """Opens the test's queue; every call opens connections of its own to the same one."""
    namespace = f"test-{next(_numbers)}"

    @asynccontextmanager
    async def connect(depth: int = 100, keep_seconds: float = 60, **limits: int) -> AsyncIterator[JobQueue]:
        connection = QueueConnection(url)
        try:
            yield JobQueue(ScriptRunner(connection, namespace), depth=depth, keep_seconds=keep_seconds, **limits)
        finally:
            await connection.close()

    return connect
