"""A queue of its own for each test, in a real Valkey."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from service.queue.client import JobQueue
from service.queue.connection import Connection
from service.queue.scripts import Server

Opened = Callable[..., AbstractAsyncContextManager[JobQueue]]

_numbers = itertools.count()


@pytest.fixture
def opened(url: str) -> Opened:
    """Opens the test's queue; every call gives a process's own view of the same one."""
    namespace = f"test-{next(_numbers)}"

    @asynccontextmanager
    async def open_it(depth: int = 100, keep_seconds: float = 60) -> AsyncIterator[JobQueue]:
        connection = Connection(url)
        try:
            yield JobQueue(Server(connection, namespace), depth=depth, keep_seconds=keep_seconds)
        finally:
            await connection.close()

    return open_it
