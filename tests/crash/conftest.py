from collections.abc import Iterator
from pathlib import Path

import pytest

from service.queue.embedded import EmbeddedServer
from tests.crash.processes import QueueProcesses


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[QueueProcesses]:
    server = EmbeddedServer(tmp_path / "queue")
    server.start()
    started = QueueProcesses(tmp_path, server)
    yield started
    started.close()
