from collections.abc import Iterator
from pathlib import Path

import pytest

from service.queue.embedded import EmbeddedServer
from tests.crash.processes import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    server = EmbeddedServer(tmp_path / "queue")
    server.start()
    workplace = Workplace(tmp_path, server)
    yield workplace
    workplace.close()
