"""uvicorn as it serves KernelSight: HTTP/1.1 only, its connections under limits."""

import asyncio
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import cast

import uvicorn
from starlette.applications import Starlette

from service.http.connection_guard import SWEEP_SECONDS, ConnectionGuard
from service.http.descriptors import raise_descriptor_limit
from service.http.doorkeeper import Doorkeeper
from service.http.guarded_protocol import GuardedProtocol
from service.http.overload import Door
from service.settings import Settings

_TICKS_PER_SECOND = 10  # of uvicorn's main loop


class GuardedServer(uvicorn.Server):
    """Ends connections that break a limit, with uvicorn's own clock."""

    def __init__(self, config: uvicorn.Config, guard: ConnectionGuard) -> None:
        super().__init__(config)
        self._guard = guard

    async def on_tick(self, counter: int) -> bool:
        if counter % int(SWEEP_SECONDS * _TICKS_PER_SECOND) == 0:
            self.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def sweep(self, now_seconds: float) -> None:
        """End the connections that break a limit at this moment of the event loop's clock."""
        connections = cast(set[GuardedProtocol], self.server_state.connections)
        self._guard.sweep(list(connections), now_seconds)


def create_server(
    app: Starlette, settings: Settings, doors: Mapping[str, Door] = MappingProxyType({})
) -> GuardedServer:
    """The server of an app with `state.metrics`, whose operations have `doors` by their paths.

    Raises the process's limit of file descriptors if it has to.
    """
    limits = settings.connections
    shares = raise_descriptor_limit(limits.max_connections)
    guard = ConnectionGuard(limits, shares, app.state.metrics)
    doorkeeper = Doorkeeper(doors, app.state.metrics)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=cast(type[asyncio.Protocol], partial(GuardedProtocol, guard, doorkeeper)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=shares.backlog,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=int(settings.limits.drain_seconds) or 1,
    )
    return GuardedServer(config, guard)
