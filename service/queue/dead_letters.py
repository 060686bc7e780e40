"""Jobs that were tried too often. Each keeps its work and payloads until somebody decides, or its time is over."""

from dataclasses import dataclass
from typing import Any

import orjson

from service.queue.client import JobQueue
from service.queue.errors import JobNotDead, JobUnknown
from service.queue.types import JobStatus


@dataclass(frozen=True, slots=True)
class DeadLetter:
    status: JobStatus  # its error is the reason
    work: dict[str, Any]
    blobs: tuple[str, ...]


class DeadLetters:
    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._server = queue.server
        self._key = f"{self._server.root}:dead"

    async def count(self) -> int:
        async with self._server.connection.command() as client:
            return int(await client.zcard(self._key))

    async def list(self, count: int = 100, after: str | None = None) -> list[JobStatus]:
        """The oldest first, from the one that follows `after`. Raises JobUnknown if that is none any more."""
        async with self._server.connection.command() as client:
            rank = -1 if after is None else await client.zrank(self._key, after)
            if rank is None:
                raise JobUnknown(after or "")
            ids = [id.decode() for id in await client.zrange(self._key, rank + 1, rank + count)]
        return [status for status in await self._queue.statuses(ids) if status is not None]

    async def inspect(self, id: str) -> DeadLetter:
        """Raises JobUnknown or JobNotDead."""
        status = await self._queue.status(id)
        if status.state != "dead":
            raise JobNotDead(id, status.state)
        async with self._server.connection.command() as client:
            work, blobs = await client.hmget(self._server.key("job", id), "work", "blobs")
        return DeadLetter(status, orjson.loads(work), tuple(blobs.decode().split()))

    async def requeue(self, id: str) -> JobStatus:
        """All its attempts are before it again; a full queue takes it too. Raises JobUnknown or JobNotDead."""
        await self._revive("requeue", id)
        return await self._queue.status(id)

    async def drop(self, id: str) -> None:
        """Raises JobUnknown or JobNotDead."""
        await self._revive("drop", id)

    async def _revive(self, verb: str, id: str) -> None:
        state = (await self._server.run("revive", verb, id)).decode()
        if not state:
            raise JobUnknown(id)
        if state != "dead":
            raise JobNotDead(id, state)
