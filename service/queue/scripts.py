"""The scripts that are the queue, run on its server. What they do is said at the head of each file in lua/."""

from functools import cache
from pathlib import Path
from typing import Any

import redis

from models.priority import PRIORITIES
from service.queue.connection import BLOCK_SECONDS, Connection

GROUP = "workers"
SCRIPTS = ("enqueue", "take", "beat", "sweep", "finish", "progress", "cancel", "revive", "depths")


class Server:
    """`namespace` keeps queues apart that share a server."""

    def __init__(self, connection: Connection, namespace: str = "kernelsight") -> None:
        self.connection = connection
        self.root = f"{{{namespace}}}"
        self._scripts = {name: connection.commands.register_script(_source(name)) for name in SCRIPTS}

    def key(self, kind: str, name: str) -> str:
        return f"{self.root}:{kind}:{name}"

    async def run(self, script: str, *arguments: str | bytes | int | float) -> Any:
        """Raises QueueUnavailable. A server that has forgotten the streams, or is new, gets them."""
        async with self.connection.command():
            try:
                return await self._scripts[script](keys=[self.root], args=arguments)
            except redis.ResponseError as error:
                if not _lacks_streams(error):
                    raise
            await self._create_streams()
            return await self._scripts[script](keys=[self.root], args=arguments)

    async def wait(self, lasts: dict[str, bytes]) -> None:
        """Until a stream has an entry later than these, or BLOCK_SECONDS have passed.

        Nothing is handed over: what arrived for a reader that just went away would lie there until its lease is over.
        """
        streams: dict[Any, Any] = {self.key("stream", name): last for name, last in lasts.items()}
        async with self.connection.wait() as client:
            await client.xread(streams, count=1, block=round(BLOCK_SECONDS * 1000))

    async def _create_streams(self) -> None:
        for priority in PRIORITIES:
            try:  # from the first entry on: jobs may have come before the first worker
                await self.connection.commands.xgroup_create(self.key("stream", priority), GROUP, "0", mkstream=True)
            except redis.ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise


def _lacks_streams(error: redis.ResponseError) -> bool:
    return "NOGROUP" in str(error) or "no such key" in str(error).lower()


@cache
def _source(name: str) -> str:
    folder = Path(__file__).with_name("lua")
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in ("shared", name))
