"""A worker's metrics on a port of their own, with the API's limits on connections and its guard against browsers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from prometheus_client import make_asgi_app
from starlette.applications import Starlette
from starlette.routing import Mount

from service.http.bind import is_loopback
from service.http.browsers import BrowserMiddleware
from service.http.server import create_server
from service.settings import Settings
from service.telemetry.metrics import Metrics

_MAX_CONNECTIONS = 64  # scrapers are few, and the worker needs its file descriptors


@contextmanager
def serve_metrics(metrics: Metrics, settings: Settings, listener: socket.socket) -> Iterator[None]:
    """Answers any path with the metrics during the block, in a thread with an event loop of its own."""
    app = Starlette(routes=[Mount("/", make_asgi_app(metrics.registry))])
    app.state.metrics = metrics
    hosts = settings.server.allowed_hosts if is_loopback(listener.getsockname()[0]) else None
    app.add_middleware(BrowserMiddleware, hosts=hosts, origins=())
    few = {"max_connections": _MAX_CONNECTIONS, "max_connections_per_address": _MAX_CONNECTIONS}
    server = create_server(
        app, settings.model_copy(update={"connections": settings.connections.model_copy(update=few)})
    )
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
