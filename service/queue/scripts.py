"""Runs the Lua scripts that implement the queue on its server; each file in lua/ starts with what it does."""

from functools import cache
from pathlib import Path
from typing import Any

import redis

from models.priority import PRIORITIES
from service.queue.connection import BLOCK_SECONDS, QueueConnection

CONSUMER_GROUP = "workers"
SCRIPTS = ("enqueue", "take", "renew", "sweep", "finish", "progress", "cancel", "revive", "depths")


class ScriptRunner:
    """`namespace` separates queues that share a server."""

    def __init__(self, connection: QueueConnection, namespace: str = "kernelsight") -> None:
        self.connection = connection
        self.root = f"{{{namespace}}}"
        self._scripts = {name: connection.commands.register_script(_source(name)) for name in SCRIPTS}

    def key(self, kind: str, name: str) -> str:
        return f"{self.root}:{kind}:{name}"

    async def run(self, script: str, *arguments: str | bytes | int | float) -> Any:
        """Creates the streams if the server is new or has lost them. Raises QueueUnavailable."""
        async with self.connection.command():
            try:
                return await self._scripts[script](keys=[self.root], args=arguments)
            except redis.ResponseError as error:
                if not _lacks_streams(error):
                    raise
            await self._create_streams()
            return await self._scripts[script](keys=[self.root], args=arguments)

    async def wait_for_entries(self, last_ids: dict[str, bytes]) -> None:
        """Wait until a stream has an entry later than `last_ids`, or BLOCK_SECONDS have passed.

        Takes nothing: an entry handed to a reader that has just gone away would be stuck until its lease ends.
        """
        streams: dict[Any, Any] = {self.key("stream", name): last for name, last in last_ids.items()}
        async with self.connection.blocking_read() as client:
            await client.xread(streams, count=1, block=round(BLOCK_SECONDS * 1000))

    async def _create_streams(self) -> None:
        for priority in PRIORITIES:
            try:  # "0": from the first entry on, because jobs may have come before the first worker
                await self.connection.commands.xgroup_create(
                    self.key("stream", priority), CONSUMER_GROUP, "0", mkstream=True
                )
            except redis.ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise


def _lacks_streams(error: redis.ResponseError) -> bool:
    return "NOGROUP" in str(error) or "no such key" in str(error).lower()


@cache
def _source(name: str) -> str:
    folder = Path(__file__).with_name("lua")
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in ("shared", name))
