"""What is known of batches, in Redis: one hash for each, one more for what its chunks came to.

A batch's state is not a field: it follows from which moments it has seen. Each moment is written once (HSETNX), so two
workers that come to the same end, or one that comes to it twice, change nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.errors import RequestRejected
from service.batches.errors import BatchUnknown
from service.batches.jsonl import Chunk
from service.batches.types import ENDED, MOMENTS, Batch, BatchPage, Counts, LineError, LineErrors
from service.queue.scripts import Server


@dataclass(frozen=True)
class Ledger:
    """`keep_seconds` is how long a batch is known after it was made."""

    server: Server
    keep_seconds: float

    def _key(self, id: str) -> str:
        return self.server.key("batch", id)

    def _done(self, id: str) -> str:
        """Of each chunk that is done: completed and failed requests."""
        return self.server.key("batch-chunks", id)

    def _list(self) -> str:
        return f"{self.server.root}:batches"  # ids, oldest first

    async def add(self, batch: Batch) -> None:
        known = batch.model_dump_json(exclude={"status", "request_counts"}, exclude_none=True)
        keep = int(self.keep_seconds)
        async with self.server.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hset(self._key(batch.id), "batch", known)
            pipe.expire(self._key(batch.id), keep)
            pipe.zadd(self._list(), {batch.id: batch.created_at})
            pipe.zremrangebyscore(self._list(), "-inf", time.time() - self.keep_seconds)
            await pipe.execute()

    async def get(self, id: str) -> Batch:
        """Raises BatchUnknown."""
        async with self.server.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hgetall(self._key(id))
            pipe.hvals(self._done(id))
            fields, done = await pipe.execute()
        known = _text(fields)
        if "batch" not in known:
            raise BatchUnknown(id)
        moments = {name: int(known[name]) for name, _ in MOMENTS if name in known}
        counts = [orjson.loads(one) for one in done]
        return Batch.model_validate(
            orjson.loads(known["batch"])
            | moments
            | {name: _str(known[name]) for name in ("output_file_id", "error_file_id") if name in known}
            | {
                "status": next((status for name, status in MOMENTS if name in moments), "validating"),
                "errors": LineErrors(data=orjson.loads(known["errors"])) if "errors" in known else None,
                "request_counts": Counts(
                    total=int(known.get("total", 0)),
                    completed=sum(one[0] for one in counts),
                    failed=sum(one[1] for one in counts),
                ),
            }
        )

    async def page(self, *, after: str | None, limit: int) -> BatchPage:
        """Newest first; raises RequestRejected where `after` is no batch."""
        start = 0
        if after is not None:
            async with self.server.connection.command() as client:
                rank: Any = await client.zrevrank(self._list(), after)
            if rank is None:
                raise RequestRejected(f"after: no batch {after[:80]!r} in this list")
            start = rank + 1
        async with self.server.connection.command() as client:
            ids: Any = await client.zrevrange(self._list(), start, start + limit)
        found = [_str(one) for one in ids]
        shown = [await self.get(id) for id in found[:limit]]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return BatchPage(data=shown, first_id=first, last_id=last, has_more=len(found) > limit)

    async def mark(self, id: str, moment: str, **fields: bytes | str | int) -> None:
        """`moment` is now, unless the batch has seen it; `fields` come with it."""
        async with self.server.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            for name, value in fields.items():
                pipe.hset(self._key(id), name, value)
            pipe.hsetnx(self._key(id), moment, int(time.time()))
            await pipe.execute()

    async def fail(self, id: str, errors: Sequence[LineError]) -> None:
        listed = orjson.dumps([one.model_dump(exclude_none=True) for one in errors])
        await self.mark(id, "failed_at", errors=listed)

    async def forget(self, id: str) -> None:
        async with self.server.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.delete(self._key(id), self._done(id))
            pipe.zrem(self._list(), id)
            await pipe.execute()

    async def cut(self, id: str, chunks: Sequence[Chunk]) -> None:
        """Remember how the file is cut; from now on the batch is in progress."""
        table = orjson.dumps([(chunk.at, chunk.lines) for chunk in chunks])
        await self.mark(id, "in_progress_at", chunks=table, total=sum(chunk.lines for chunk in chunks))

    async def chunks(self, id: str) -> list[Chunk]:
        """Raises BatchUnknown."""
        async with self.server.connection.command() as client:
            table: Any = await client.hget(self._key(id), "chunks")
        if table is None:
            raise BatchUnknown(id)
        return [Chunk(at, lines) for at, lines in orjson.loads(table)]

    async def done(self, id: str) -> dict[int, int]:
        """Of each chunk that is done, how many requests were answered, well or not."""
        async with self.server.connection.command() as client:
            found: Any = await client.hgetall(self._done(id))
        return {int(number): sum(orjson.loads(counts)) for number, counts in found.items()}

    async def chunk_done(self, id: str, number: int, completed: int, failed: int) -> int:
        """Count a chunk once, however often it was done; how many are done now."""
        key = self._done(id)
        async with self.server.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hset(key, str(number), orjson.dumps([completed, failed]))
            pipe.expire(key, int(self.keep_seconds))
            pipe.hlen(key)
            *_, done = await pipe.execute()
        return int(done)


def over(batch: Batch) -> bool:
    """Nothing more is to be done for it."""
    return batch.status in ENDED


def _text(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {_str(name): value for name, value in fields.items()}


def _str(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
