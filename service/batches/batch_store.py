"""Stores batches in Redis: one hash per batch, and one more for the results of its chunks.

A batch's status is not a field: it follows from which timestamps are set. Each timestamp is written once (HSETNX), so
two workers that finish the same step, or one that finishes it twice, change nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.errors import RequestRejected
from service.batches.jsonl import LineChunk
from service.batches.types import (
    FINAL_STATUSES,
    STATUS_TIMESTAMPS,
    BatchObject,
    BatchPage,
    LineError,
    LineErrors,
    RequestCounts,
)
from service.errors import BatchUnknown
from service.queue.scripts import ScriptRunner


@dataclass(frozen=True)
class BatchStore:
    """`keep_seconds` is how long a batch is kept after its creation."""

    scripts: ScriptRunner
    keep_seconds: float

    def _batch_key(self, id: str) -> str:
        return self.scripts.key("batch", id)

    def _chunks_key(self, id: str) -> str:
        """Of a hash: chunk number to counts of completed and failed requests."""
        return self.scripts.key("batch-chunks", id)

    def _started_key(self, id: str) -> str:
        """Of a set: the numbers of chunks that some worker has begun."""
        return self.scripts.key("batch-started", id)

    def _list_key(self, tenant: str | None = None) -> str:
        """Of a sorted set of ids, the oldest first: all batches, or those of a tenant."""
        return f"{self.scripts.root}:batches" if tenant is None else self.scripts.key("batches", tenant)

    async def add(self, batch: BatchObject) -> None:
        fixed = batch.model_dump_json(exclude={"status", "request_counts"}, exclude_none=True)
        keep = int(self.keep_seconds)
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hset(self._batch_key(batch.id), "batch", fixed)
            pipe.expire(self._batch_key(batch.id), keep)
            for list_key in self._list_keys(batch):
                pipe.zadd(list_key, {batch.id: batch.created_at})
                pipe.zremrangebyscore(list_key, "-inf", time.time() - self.keep_seconds)
                pipe.expire(list_key, keep)
            await pipe.execute()

    async def get(self, id: str) -> BatchObject:
        """Raises BatchUnknown."""
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hgetall(self._batch_key(id))
            pipe.hvals(self._chunks_key(id))
            found, chunks = await pipe.execute()
        fields = _decode_names(found)
        if "batch" not in fields:
            raise BatchUnknown(id)
        timestamps = {name: int(fields[name]) for name, _ in STATUS_TIMESTAMPS if name in fields}
        counts = [orjson.loads(one) for one in chunks]
        return BatchObject.model_validate(
            orjson.loads(fields["batch"])
            | timestamps
            | {name: _decode(fields[name]) for name in ("output_file_id", "error_file_id") if name in fields}
            | {
                "status": next((status for name, status in STATUS_TIMESTAMPS if name in timestamps), "validating"),
                "errors": LineErrors(data=orjson.loads(fields["errors"])) if "errors" in fields else None,
                "request_counts": RequestCounts(
                    total=int(fields.get("total", 0)),
                    completed=sum(one[0] for one in counts),
                    failed=sum(one[1] for one in counts),
                ),
            }
        )

    def _list_keys(self, batch: BatchObject) -> set[str]:
        return {self._list_key(), self._list_key(batch.tenant)}

    async def list_page(self, *, tenant: str | None, after: str | None, limit: int) -> BatchPage:
        """Of a tenant or of all, newest first; raises RequestRejected if `after` is not in the list."""
        start, list_key = 0, self._list_key(tenant)
        if after is not None:
            async with self.scripts.connection.command() as client:
                rank: Any = await client.zrevrank(list_key, after)
            if rank is None:
                raise RequestRejected(f"after: no batch {after[:80]!r} in this list")
            start = rank + 1
        async with self.scripts.connection.command() as client:
            ids: Any = await client.zrevrange(list_key, start, start + limit)
        found = [_decode(one) for one in ids]
        shown = [await self.get(id) for id in found[:limit]]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return BatchPage(data=shown, first_id=first, last_id=last, has_more=len(found) > limit)

    async def set_timestamp(self, id: str, name: str, **fields: bytes | str | int) -> None:
        """Set a timestamp to now unless it is set, and write `fields` with it."""
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            for field, value in fields.items():
                pipe.hset(self._batch_key(id), field, value)
            pipe.hsetnx(self._batch_key(id), name, int(time.time()))
            await pipe.execute()

    async def fail(self, id: str, errors: Sequence[LineError]) -> None:
        encoded = orjson.dumps([one.model_dump(exclude_none=True) for one in errors])
        await self.set_timestamp(id, "failed_at", errors=encoded)

    async def remove(self, batch: BatchObject) -> None:
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.delete(self._batch_key(batch.id), self._chunks_key(batch.id), self._started_key(batch.id))
            for list_key in self._list_keys(batch):
                pipe.zrem(list_key, batch.id)
            await pipe.execute()

    async def save_chunks(self, id: str, chunks: Sequence[LineChunk]) -> None:
        """Store how the file is cut; the batch is in progress from now on."""
        table = orjson.dumps([(chunk.offset, chunk.lines) for chunk in chunks])
        await self.set_timestamp(id, "in_progress_at", chunks=table, total=sum(chunk.lines for chunk in chunks))

    async def load_chunks(self, id: str) -> list[LineChunk]:
        """Raises BatchUnknown."""
        async with self.scripts.connection.command() as client:
            table: Any = await client.hget(self._batch_key(id), "chunks")
        if table is None:
            raise BatchUnknown(id)
        return [LineChunk(offset, lines) for offset, lines in orjson.loads(table)]

    async def finished_chunks(self, id: str) -> dict[int, int]:
        """For each finished chunk, the number of its requests, successful or not."""
        async with self.scripts.connection.command() as client:
            found: Any = await client.hgetall(self._chunks_key(id))
        return {int(number): sum(orjson.loads(counts)) for number, counts in found.items()}

    async def finish_chunk(self, id: str, number: int, completed: int, failed: int) -> int:
        """Count a chunk once, however often it was processed; returns the number of finished chunks."""
        key = self._chunks_key(id)
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.hset(key, str(number), orjson.dumps([completed, failed]))
            pipe.expire(key, int(self.keep_seconds))
            pipe.hlen(key)
            *_, finished = await pipe.execute()
        return int(finished)

    async def start_chunk(self, id: str, number: int) -> None:
        """Keep `skip_chunks` from skipping it. Read the status after this: it may be cancelled already."""
        key = self._started_key(id)
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=True)
            pipe.sadd(key, number)
            pipe.expire(key, int(self.keep_seconds))
            await pipe.execute()

    async def skip_chunks(self, id: str, count: int, *, own: int | None = None) -> int:
        """Count the chunks that no worker has begun, and `own`, as finished without requests.

        Returns how many of all `count` chunks are finished.
        """
        key = self._chunks_key(id)
        async with self.scripts.connection.command() as client:
            started: Any = await client.smembers(self._started_key(id))
            begun = {int(number) for number in started} - {own}
            pipe = client.pipeline(transaction=True)
            for number in set(range(count)) - begun:
                pipe.hsetnx(key, str(number), b"[0,0]")
            pipe.expire(key, int(self.keep_seconds))
            pipe.hlen(key)
            *_, finished = await pipe.execute()
        return int(finished)

    async def has_timestamp(self, id: str, *names: str) -> bool:
        """Whether the batch has reached one of these moments."""
        async with self.scripts.connection.command() as client:
            found: Any = await client.hmget(self._batch_key(id), list(names))
        return any(one is not None for one in found)


def is_finished(batch: BatchObject) -> bool:
    return batch.status in FINAL_STATUSES


def _decode_names(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {_decode(name): value for name, value in fields.items()}


def _decode(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
