"""A server with guarded connections, and clients that speak to it byte by byte."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from service.http.error_handlers import install_error_handlers
from service.http.overload import Door
from service.http.server import GuardedServer, create_server
from service.settings import ConnectionSettings, Settings
from service.telemetry.metrics import Metrics

NO_DOORS: Mapping[str, Door] = MappingProxyType({})
LIMITS = ConnectionSettings(max_connections=32, max_connections_per_address=32)

POST = b"POST /length HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"


def make_app() -> FastAPI:
    app = FastAPI()
    app.state.metrics, app.state.released = Metrics(), asyncio.Event()
    install_error_handlers(app)

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.post("/early")
    async def early() -> str:
        return "I need no body"

    @app.get("/slow")
    async def slow() -> str:
        await app.state.released.wait()
        return "slow"

    @app.post("/patient")
    async def patient(request: Request) -> int:
        await app.state.released.wait()
        return len(await request.body())

    @app.get("/large")
    async def large() -> Response:
        return PlainTextResponse(bytes(64 * 2**20))

    return app


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_answer(self) -> tuple[int, Any]:
        """Status and JSON of the next answer; 0 and None if the connection ends first."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            return int(head.split()[1]), json.loads(await self.reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, None

    async def read_problem(self) -> tuple[int, str | None]:
        status, body = await self.read_answer()
        return status, None if body is None else body["type"].removeprefix("urn:kernelsight:problem:")

    async def is_closed(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@dataclass
class Served:
    app: FastAPI
    server: GuardedServer
    port: int
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def settle(self, connections: int) -> None:
        """Wait until the server has so many connections and has read what they sent."""
        while len(self.server.server_state.connections) != connections:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)

    def pass_seconds(self, seconds: float) -> None:
        """Have the server look at its clock as if it were so much later."""
        self.server.sweep(asyncio.get_running_loop().time() + seconds)

    def metric(self, name: str, **labels: str) -> float:
        return self.app.state.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def serving_app(
    limits: ConnectionSettings = LIMITS, doors: Mapping[str, Door] = NO_DOORS
) -> AsyncIterator[Served]:
    app = make_app()
    server = create_server(app, Settings(connections=limits), doors)
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    served = Served(app, server, listener.getsockname()[1])
    try:
        yield served
    finally:
        app.state.released.set()
        for client in served.clients:
            client.writer.transport.abort()
        server.should_exit = True
        await task


def with_server(
    test: Callable[[Served], Awaitable[None]],
    limits: ConnectionSettings = LIMITS,
    doors: Mapping[str, Door] = NO_DOORS,
) -> None:
    async def run() -> None:
        async with serving_app(limits, doors) as served, asyncio.timeout(60):
            await test(served)

    asyncio.run(run())
