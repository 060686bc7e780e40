"""A request is cancelled when its client hangs up."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import uvicorn

from pipelines.cpu_pool import CpuPool
from service.http.app import create_app
from service.settings import Settings

REQUEST = (
    b"POST /v1/features HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
    b'{"image": {"data": "AAAA"}}  '
)


class EndlessEngine:
    """An engine whose runs end only when they are cancelled."""

    pipelines = ("features",)

    def __init__(self) -> None:
        self.started, self.cancelled = threading.Event(), threading.Event()

    async def run(self, *arguments: Any, **options: Any) -> None:
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@contextmanager
def serving_app(engine: EndlessEngine) -> Iterator[int]:
    """Serve the real app in front of `engine` on a real server; yields the port."""
    app = create_app(Settings())
    components = {"engine": engine, "pool": CpuPool(threads=1), "fetcher": None, "settings": app.state.settings}
    app.state.components = SimpleNamespace(**components)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


def test_a_client_that_hangs_up_cancels_its_run() -> None:
    engine = EndlessEngine()
    with serving_app(engine) as port:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(REQUEST)
        assert engine.started.wait(30)

        connection.close()

        assert engine.cancelled.wait(30)
