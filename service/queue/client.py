"""The queue as those see it who give it jobs: REST, batches, the command line. Workers have consumer.py."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

import orjson

from models.priority import PRIORITIES, Priority
from service.queue.errors import IdempotencyConflict, JobUnknown, QueueFull
from service.queue.payloads import names_of, read_blob
from service.queue.scripts import Server
from service.queue.types import Depth, Event, JobStatus, NewJob, Origin, Outcome, Progress, State
from service.telemetry.request_context import current
from service.telemetry.spans import Attributes
from service.telemetry.tracing import Span, spanning

FIELDS = ("state", "priority", "attempts", "created", "started", "ended", "done", "total", "error")
AT_ONCE = 200  # jobs a command; a larger one would keep other clients of the server waiting
AT_ONCE_BYTES = 8 * 2**20
RETRY_SHARE = 0.1  # a client is asked back when about a tenth of the line has been worked off
LOOK_SECONDS, LOOK_MOST_SECONDS = 0.02, 0.25
SENDING: Attributes = {"messaging.system": "redis", "messaging.operation.type": "send"}


class JobQueue:
    """Raises QueueUnavailable wherever the server does not answer. `depth` is how many a priority may have waiting."""

    def __init__(
        self,
        server: Server,
        *,
        depth: int = 10_000,
        keep_seconds: float = 86_400.0,
        payload_seconds: float = 14 * 86_400.0,
    ) -> None:
        self.server = server
        self.depth = depth
        self.keep_seconds = keep_seconds
        self.payload_seconds = payload_seconds

    async def enqueue(self, job: NewJob) -> JobStatus:
        """The job's status, or that of the one that its idempotency key names already.

        Raises QueueFull or IdempotencyConflict.
        """
        [status] = await self.enqueue_many([job])
        return status

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[JobStatus]:
        """As many as there is room for, the first ones first; raises QueueFull where there is none for the first.

        Raises IdempotencyConflict for the first that has one; those before it are in the queue.
        """
        with spanning("enqueue", "producer", SENDING) as span:
            accepted = await self._enqueue(jobs, _origin(span))
            span.set({"messaging.batch.message_count": len(accepted)})
            if len(accepted) == 1:
                span.set({"messaging.message.id": accepted[0].id})
        return accepted

    async def _enqueue(self, jobs: Sequence[NewJob], origin: Origin) -> list[JobStatus]:
        accepted: list[JobStatus] = []
        for part in _parts(jobs):
            for job, (kind, value, id) in zip(part, await self._offer(part, origin), strict=True):
                if kind == b"conflict":
                    raise IdempotencyConflict(job.idempotency_key or "", value.decode())
                if kind == b"full":
                    if accepted:
                        return accepted
                    raise self._full(job.priority, int(value))
                new = kind == b"new"
                accepted.append(
                    JobStatus(id, "queued", job.priority, 0, int(value) / 1000)
                    if new
                    else await self.status(value.decode())
                )
        return accepted

    async def status(self, id: str) -> JobStatus:
        """Raises JobUnknown."""
        [status] = await self.statuses([id])
        if status is None:
            raise JobUnknown(id)
        return status

    async def statuses(self, ids: Sequence[str]) -> list[JobStatus | None]:
        async with self.server.connection.command() as client:
            many = client.pipeline(transaction=False)
            for id in ids:
                many.hmget(self.server.key("job", id), *FIELDS)
            found = await many.execute()
        return [_status(id, values) for id, values in zip(ids, found, strict=True)]

    async def result(self, id: str) -> Outcome | None:
        """None unless the job is done."""
        async with self.server.connection.command() as client:
            body, about = await client.hmget(self.server.key("job", id), "body", "about")
        return None if body is None else Outcome(body, **orjson.loads(about))

    async def cancel(self, id: str) -> JobStatus:
        """At once where the job waits. One that runs ends within a third of its lease, if it is not done before.

        Raises JobUnknown.
        """
        if not await self.server.run("cancel", id, _ms(self.keep_seconds)):
            raise JobUnknown(id)
        return await self.status(id)

    async def events(self, id: str, after: int = 0) -> AsyncIterator[Event]:
        """What has happened since the event numbered `after`, then what happens, up to the job's end.

        The last 64 events are remembered. Raises JobUnknown, also when the job is forgotten meanwhile.
        """
        pause = LOOK_SECONDS
        while True:
            status = await self.status(id)  # read first: what is final then has its last event
            for event in await self._events(id):
                if event.number > after:
                    after, pause = event.number, LOOK_SECONDS
                    yield event
            if status.is_final:
                return
            await asyncio.sleep(pause)
            pause = min(LOOK_MOST_SECONDS, pause * 1.5)

    async def payload(self, name: str) -> bytes:
        return await read_blob(self.server, name)

    async def depths(self) -> dict[Priority, Depth]:
        found = await self.server.run("depths", *PRIORITIES)
        return {
            priority: Depth(int(waiting), int(running), int(delayed), max(0, age) / 1000)
            for priority, (waiting, running, delayed, age) in zip(PRIORITIES, found, strict=True)
        }

    async def _offer(self, jobs: Sequence[NewJob], origin: Origin) -> list[tuple[bytes, Any, str]]:
        """What became of each, and the id that it has if it is new."""
        arguments: list[str | bytes | int] = [_ms(self.payload_seconds)]
        for priority in PRIORITIES:
            arguments += [priority, self.depth]
        ids = [uuid.uuid4().hex for _ in jobs]
        for id, job in zip(ids, jobs, strict=True):
            arguments += await _arguments(id, job, origin)
        answers = await self.server.run("enqueue", *arguments)
        return [(kind, value, id) for (kind, value), id in zip(answers, ids, strict=True)]

    async def _events(self, id: str) -> list[Event]:
        async with self.server.connection.command() as client:
            lines = await client.lrange(self.server.key("events", id), 0, -1)
        found = [orjson.loads(line) for line in lines]
        return [Event(one["number"], one["name"], one["at"] / 1000, one["facts"]) for one in found]

    def _full(self, priority: Priority, oldest_ms: int) -> QueueFull:
        retry = min(60.0, max(1.0, oldest_ms / 1000 * RETRY_SHARE))
        return QueueFull(f"the {priority} queue", self.depth, retry)


def _parts(jobs: Sequence[NewJob]) -> Iterator[list[NewJob]]:
    part: list[NewJob] = []
    size = 0
    for job in jobs:
        bytes_of_it = sum(map(len, job.payloads))
        if part and (len(part) == AT_ONCE or size + bytes_of_it > AT_ONCE_BYTES):
            yield part
            part, size = [], 0
        part.append(job)
        size += bytes_of_it
    if part:
        yield part


async def _arguments(id: str, job: NewJob, origin: Origin) -> list[str | bytes | int]:
    names = await names_of(job.payloads) if job.payloads else []
    work = orjson.dumps(job.work, option=orjson.OPT_SORT_KEYS)
    key, digest = job.idempotency_key or "", ""
    if key:  # the same key must mean the same job
        digest = hashlib.sha256(
            b"\0".join([work, job.priority.encode(), *(name.encode() for name in names)])
        ).hexdigest()
    expires = "" if job.expires is None else repr(job.expires)
    payloads = [part for pair in zip(names, job.payloads, strict=True) for part in pair]
    # The origin is no part of what the digest is of: the same job comes with another request.
    attempts = job.attempts or ""
    return [id, job.priority, work, key, digest, expires, attempts, orjson.dumps(origin), len(names), *payloads]


def _origin(span: Span) -> Origin:
    context = current()
    return Origin(None if context is None else context.request_id, span.headers)


def _status(id: str, values: Sequence[bytes | None]) -> JobStatus | None:
    facts = dict(zip(FIELDS, values, strict=True))
    state, priority = facts["state"], facts["priority"]
    if state is None or priority is None:
        return None
    done, total, error = facts["done"], facts["total"], facts["error"]
    return JobStatus(
        id,
        cast(State, state.decode()),
        cast(Priority, priority.decode()),
        int(facts["attempts"] or 0),
        _seconds(facts["created"]) or 0.0,
        _seconds(facts["started"]),
        _seconds(facts["ended"]),
        Progress(int(done), int(total)) if done is not None and total is not None else None,
        orjson.loads(error) if error else None,
    )


def _seconds(milliseconds: bytes | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
