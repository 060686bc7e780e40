"""Dead letters: jobs that failed too often, kept with work and payloads until someone decides or they expire."""

from dataclasses import dataclass
from typing import Any

import orjson

from service.queue.client import JobQueue
from service.queue.errors import JobNotDead, JobUnknown
from service.queue.types import JobStatus


@dataclass(frozen=True, slots=True)
class DeadLetter:
    status: JobStatus  # its `error` is the reason
    work: dict[str, Any]
    payload_names: tuple[str, ...]


class DeadLetters:
    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._scripts = queue.scripts
        self._key = f"{self._scripts.root}:dead"

    async def count(self) -> int:
        async with self._scripts.connection.command() as client:
            return int(await client.zcard(self._key))

    async def list(self, limit: int = 100, after: str | None = None) -> list[JobStatus]:
        """The oldest first, from the one that follows `after`. Raises JobUnknown if `after` is no longer one."""
        async with self._scripts.connection.command() as client:
            rank = -1 if after is None else await client.zrank(self._key, after)
            if rank is None:
                raise JobUnknown(after or "")
            ids = [id.decode() for id in await client.zrange(self._key, rank + 1, rank + limit)]
        return [status for status in await self._queue.statuses(ids) if status is not None]

    async def inspect(self, id: str) -> DeadLetter:
        """Raises JobUnknown or JobNotDead."""
        status = await self._queue.status(id)
        if status.state != "dead":
            raise JobNotDead(id, status.state)
        async with self._scripts.connection.command() as client:
            work, names = await client.hmget(self._scripts.key("job", id), "work", "blobs")
        return DeadLetter(status, orjson.loads(work), tuple(names.decode().split()))

    async def requeue(self, id: str) -> JobStatus:
        """Enqueue it again with all its attempts, even into a full queue. Raises JobUnknown or JobNotDead."""
        await self._revive("requeue", id)
        return await self._queue.status(id)

    async def drop(self, id: str) -> None:
        """Raises JobUnknown or JobNotDead."""
        await self._revive("drop", id)

    async def _revive(self, verb: str, id: str) -> None:
        state = (await self._scripts.run("revive", verb, id)).decode()
        if not state:
            raise JobUnknown(id)
        if state != "dead":
            raise JobNotDead(id, state)
