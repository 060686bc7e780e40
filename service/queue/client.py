"""The producer's side of the queue: enqueues jobs, reads their state, cancels them. Workers use consumer.py."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

import orjson

from models.priority import PRIORITIES, Priority
from service.queue.errors import IdempotencyConflict, JobUnknown, QueueFull, ResultsFull
from service.queue.payloads import payload_names, read_payload
from service.queue.scripts import ScriptRunner
from service.queue.types import JobEvent, JobOrigin, JobProgress, JobResult, JobState, JobStatus, NewJob, QueueDepth
from service.telemetry.request_context import current_request, current_sender
from service.telemetry.spans import SpanAttributes
from service.telemetry.tracing import Span, start_span

STATUS_FIELDS = ("state", "priority", "attempts", "created", "started", "ended", "done", "total", "error", "origin")
JOBS_PER_COMMAND = 200  # a larger command would keep other clients of the server waiting
BYTES_PER_COMMAND = 8 * 2**20
RETRY_SHARE = 0.1  # Retry-After is the time in which about a tenth of the queue is worked off
POLL_SECONDS, MAX_POLL_SECONDS = 0.02, 0.25
SPAN_ATTRIBUTES: SpanAttributes = {"messaging.system": "redis", "messaging.operation.type": "send"}


class JobQueue:
    """Raises QueueUnavailable whenever the server does not answer.

    `depth` limits the jobs of each priority, `payload_bytes` the payloads of all jobs that have not ended, and
    `result_bytes` the jobs that have: at that limit new jobs are refused, and workers start none.
    """

    def __init__(
        self,
        scripts: ScriptRunner,
        *,
        depth: int = 10_000,
        keep_seconds: float = 86_400.0,
        payload_seconds: float = 14 * 86_400.0,
        payload_bytes: int = 2**30,
        result_bytes: int = 2**30,
    ) -> None:
        self.scripts = scripts
        self.depth = depth
        self.keep_seconds = keep_seconds
        self.payload_seconds = payload_seconds
        self.payload_bytes, self.result_bytes = payload_bytes, result_bytes

    async def enqueue(self, job: NewJob) -> JobStatus:
        """The status of the new job, or of the job that already has its idempotency key.

        Raises QueueFull, ResultsFull, QueueServerFull or IdempotencyConflict.
        """
        [status] = await self.enqueue_many([job])
        return status

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[JobStatus]:
        """Enqueue as many as there is room for, in order; raises as `enqueue` if there is none for the first.

        Raises IdempotencyConflict at the first conflict; the jobs before it are in the queue.
        """
        with start_span("enqueue", "producer", SPAN_ATTRIBUTES) as span:
            accepted = await self._enqueue(jobs, _current_origin(span))
            span.set({"messaging.batch.message_count": len(accepted)})
            if len(accepted) == 1:
                span.set({"messaging.message.id": accepted[0].id})
        return accepted

    async def _enqueue(self, jobs: Sequence[NewJob], origin: JobOrigin) -> list[JobStatus]:
        accepted: list[JobStatus] = []
        for part in _split_jobs(jobs):
            for job, (kind, value, id) in zip(part, await self._run_enqueue(part, origin), strict=True):
                if kind == b"conflict":
                    raise IdempotencyConflict(job.idempotency_key or "", value.decode())
                if kind in (b"full", b"heavy", b"stored"):
                    if accepted:
                        return accepted
                    raise self._refusal(kind, job.priority, value)
                if kind == b"new":
                    status = JobStatus(id, "queued", job.priority, 0, int(value) / 1000, tenant=origin.sender.tenant)
                    accepted.append(status)
                else:
                    accepted.append(await self.status(value.decode()))
        return accepted

    async def status(self, id: str) -> JobStatus:
        """Raises JobUnknown."""
        [status] = await self.statuses([id])
        if status is None:
            raise JobUnknown(id)
        return status

    async def statuses(self, ids: Sequence[str]) -> list[JobStatus | None]:
        async with self.scripts.connection.command() as client:
            pipe = client.pipeline(transaction=False)
            for id in ids:
                pipe.hmget(self.scripts.key("job", id), *STATUS_FIELDS)
            found = await pipe.execute()
        return [_parse_status(id, values) for id, values in zip(ids, found, strict=True)]

    async def result(self, id: str) -> JobResult | None:
        """None unless the job is done."""
        async with self.scripts.connection.command() as client:
            body, about = await client.hmget(self.scripts.key("job", id), "body", "about")
        return None if body is None else JobResult(body, **orjson.loads(about))

    async def cancel(self, id: str) -> JobStatus:
        """A waiting job ends at once; a running one within a third of its lease, unless it is done before.

        Raises JobUnknown.
        """
        if not await self.scripts.run("cancel", id, _ms(self.keep_seconds)):
            raise JobUnknown(id)
        return await self.status(id)

    async def events(self, id: str, after: int = 0) -> AsyncIterator[JobEvent]:
        """The events after number `after`, past and future, up to the job's end.

        The queue keeps the last 64 of a job. Raises JobUnknown, also if the job is removed meanwhile.
        """
        pause = POLL_SECONDS
        while True:
            status = await self.status(id)  # read first: a job that is final now has its last event already
            for event in await self._read_events(id):
                if event.number > after:
                    after, pause = event.number, POLL_SECONDS
                    yield event
            if status.is_final:
                return
            await asyncio.sleep(pause)
            pause = min(MAX_POLL_SECONDS, pause * 1.5)

    async def has_events(self, id: str, after: int) -> bool:
        """Whether events after number `after` are kept."""
        return any(event.number > after for event in await self._read_events(id))

    async def read_payload(self, name: str) -> bytes:
        return await read_payload(self.scripts, name)

    async def depths(self) -> dict[Priority, QueueDepth]:
        found = await self.scripts.run("depths", *PRIORITIES)
        return {
            priority: QueueDepth(int(waiting), int(running), int(delayed), max(0, age) / 1000)
            for priority, (waiting, running, delayed, age) in zip(PRIORITIES, found, strict=True)
        }

    async def _run_enqueue(self, jobs: Sequence[NewJob], origin: JobOrigin) -> list[tuple[bytes, Any, str]]:
        """The script's answer for each job, and the id that the job gets if it is new."""
        arguments: list[str | bytes | int] = [_ms(self.payload_seconds), self.payload_bytes, self.result_bytes]
        for priority in PRIORITIES:
            arguments += [priority, self.depth]
        ids = [uuid.uuid4().hex for _ in jobs]
        for id, job in zip(ids, jobs, strict=True):
            arguments += await _script_arguments(id, job, origin)
        answers = await self.scripts.run("enqueue", *arguments)
        return [(kind, value, id) for (kind, value), id in zip(answers, ids, strict=True)]

    async def _read_events(self, id: str) -> list[JobEvent]:
        async with self.scripts.connection.command() as client:
            lines = await client.lrange(self.scripts.key("events", id), 0, -1)
        found = [orjson.loads(line) for line in lines]
        return [JobEvent(one["number"], one["name"], one["at"] / 1000, one["facts"]) for one in found]

    def _refusal(self, kind: bytes, priority: Priority, oldest_ms: bytes) -> QueueFull | ResultsFull:
        if kind == b"stored":
            return ResultsFull(self.result_bytes)
        retry = min(60.0, max(1.0, int(oldest_ms) / 1000 * RETRY_SHARE))
        if kind == b"heavy":
            return QueueFull("the queue, in bytes of payloads,", self.payload_bytes, retry)
        return QueueFull(f"the {priority} queue", self.depth, retry)


def _split_jobs(jobs: Sequence[NewJob]) -> Iterator[list[NewJob]]:
    part: list[NewJob] = []
    size = 0
    for job in jobs:
        job_bytes = sum(map(len, job.payloads))
        if part and (len(part) == JOBS_PER_COMMAND or size + job_bytes > BYTES_PER_COMMAND):
            yield part
            part, size = [], 0
        part.append(job)
        size += job_bytes
    if part:
        yield part


async def _script_arguments(id: str, job: NewJob, origin: JobOrigin) -> list[str | bytes | int]:
    names = await payload_names(job.payloads) if job.payloads else []
    work = orjson.dumps(job.work, option=orjson.OPT_SORT_KEYS)
    key, digest = job.idempotency_key or "", ""
    if key:  # the same key must come with the same work
        digest = hashlib.sha256(
            b"\0".join([work, job.priority.encode(), *(name.encode() for name in names)])
        ).hexdigest()
    expires = "" if job.expires is None else repr(job.expires)
    payloads = [part for pair in zip(names, job.payloads, strict=True) for part in pair]
    # The digest leaves the origin out, because a repeated request has another one.
    attempts = job.attempts or ""
    follows_up = int(job.follows_up)
    return [
        id, job.priority, work, key, digest, expires, attempts, follows_up, orjson.dumps(origin), len(names), *payloads,
    ]  # fmt: skip


def _current_origin(span: Span) -> JobOrigin:
    context = current_request()
    return JobOrigin(None if context is None else context.request_id, span.headers, current_sender())


def _parse_status(id: str, values: Sequence[bytes | None]) -> JobStatus | None:
    facts = dict(zip(STATUS_FIELDS, values, strict=True))
    state, priority = facts["state"], facts["priority"]
    if state is None or priority is None:
        return None
    done, total, error = facts["done"], facts["total"], facts["error"]
    return JobStatus(
        id,
        cast(JobState, state.decode()),
        cast(Priority, priority.decode()),
        int(facts["attempts"] or 0),
        _seconds(facts["created"]) or 0.0,
        _seconds(facts["started"]),
        _seconds(facts["ended"]),
        JobProgress(int(done), int(total)) if done is not None and total is not None else None,
        orjson.loads(error) if error else None,
        JobOrigin.parse(facts["origin"]).sender.tenant,
    )


def _seconds(milliseconds: bytes | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
