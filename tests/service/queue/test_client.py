"""The producer's side of the queue, before a worker takes a job."""

import asyncio
from typing import Any

import pytest

from models.priority import Priority
from service.queue.client import JobQueue
from service.queue.connection import QueueConnection
from service.queue.errors import IdempotencyConflict, JobUnknown, QueueFull, QueueUnavailable
from service.queue.payloads import payload_name
from service.queue.scripts import ScriptRunner
from service.queue.types import JobStatus, NewJob, QueueDepth
from tests.service.queue.conftest import OpenQueue
from tests.service.queue.consumers import list_keys, take_job


def test_an_enqueued_job_waits_in_its_priority(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[JobStatus, JobStatus, dict[Priority, QueueDepth]]:
        async with open_queue() as queue:
            enqueued = await queue.enqueue(NewJob({"a": 1}, "batch"))
            return enqueued, await queue.status(enqueued.id), await queue.depths()

    enqueued, status, depths = asyncio.run(scenario())

    assert enqueued.state == "queued"
    assert status == enqueued
    assert depths["batch"].waiting == 1
    assert depths["interactive"].waiting == 0


def test_a_full_priority_refuses_jobs_and_the_other_does_not(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[float, str]:
        async with open_queue(depth=3) as queue:
            for _ in range(3):
                await queue.enqueue(NewJob({}, "batch"))
            with pytest.raises(QueueFull, match="the batch queue has 3 waiting already") as raised:
                await queue.enqueue(NewJob({}, "batch"))
            return raised.value.retry_seconds, (await queue.enqueue(NewJob({}))).state

    retry_seconds, state_of_other = asyncio.run(scenario())

    assert retry_seconds == 1.0
    assert state_of_other == "queued"


def test_of_many_jobs_as_many_are_taken_as_there_is_room(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[list[int], int]:
        async with open_queue(depth=250) as queue:
            put = await queue.enqueue_many([NewJob({"n": n}, "batch") for n in range(400)])
            jobs = [await take_job(queue) for _ in put]
            return [job.work["n"] for job in jobs], len(put)

    numbers, accepted = asyncio.run(scenario())

    assert accepted == 250
    assert numbers == [*range(250)]


def test_concurrent_producers_never_exceed_the_depth(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[int, int]:
        async with open_queue(depth=100) as queue:
            offers = (queue.enqueue(NewJob({})) for _ in range(200))
            found = await asyncio.gather(*offers, return_exceptions=True)
            return sum(isinstance(one, QueueFull) for one in found), (await queue.depths())["interactive"].waiting

    refused, waiting = asyncio.run(scenario())

    assert refused == 100
    assert waiting == 100


def test_the_same_idempotency_key_gives_the_same_job(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[set[str], int]:
        async with open_queue() as queue:
            job = NewJob({"a": 1, "b": 2}, payloads=(b"image",), idempotency_key="key")
            again = NewJob({"b": 2, "a": 1}, payloads=(b"image",), idempotency_key="key")
            puts = await asyncio.gather(queue.enqueue(job), queue.enqueue(again), queue.enqueue(job))
            return {put.id for put in puts}, (await queue.depths())["interactive"].waiting

    ids, waiting = asyncio.run(scenario())

    assert len(ids) == 1
    assert waiting == 1


@pytest.mark.parametrize(
    "other",
    [NewJob({"a": 2}, payloads=(b"image",)), NewJob({"a": 1}, payloads=(b"other",)), NewJob({"a": 1}, "batch")],
    ids=["work", "payload", "priority"],
)
def test_the_same_key_for_other_work_is_a_conflict(open_queue: OpenQueue, other: NewJob) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            await queue.enqueue(NewJob({"a": 1}, payloads=(b"image",), idempotency_key="key"))
            await queue.enqueue(NewJob(other.work, other.priority, other.payloads, idempotency_key="key"))

    with pytest.raises(IdempotencyConflict, match="'key' belongs to job"):
        asyncio.run(scenario())


def test_a_payload_of_many_jobs_is_stored_once(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[tuple[str, ...], list[bytes], list[str]]:
        async with open_queue() as queue:
            await queue.enqueue_many([NewJob({"n": n}, payloads=(b"one", b"two")) for n in range(5)])
            job = await take_job(queue)
            payloads = [await queue.read_payload(name) for name in job.payload_names]
            return job.payload_names, payloads, await list_keys(queue, "blob")

    names, payloads, keys = asyncio.run(scenario())

    assert names == (payload_name(b"one"), payload_name(b"two"))
    assert payloads == [b"one", b"two"]
    assert len(keys) == 2


def test_a_payload_expires_two_weeks_after_its_last_job(open_queue: OpenQueue) -> None:
    async def scenario() -> list[int]:
        async with open_queue() as queue:
            await queue.enqueue(NewJob({}, payloads=(b"one", b"two")))
            async with queue.scripts.connection.command() as client:
                return [await client.ttl(queue.scripts.key("blob", name)) for name in await list_keys(queue, "blob")]

    days = [seconds / 86_400 for seconds in asyncio.run(scenario())]
    assert [round(one, 3) for one in days] == [14, 14]


def test_reading_a_missing_payload_raises(open_queue: OpenQueue) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            await queue.read_payload("0123")

    with pytest.raises(QueueUnavailable, match="payload 0123 is gone"):
        asyncio.run(scenario())


def test_cancelling_a_waiting_job_deletes_its_payload(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[object, ...]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({}, payloads=(b"image",)))
            cancelled = await queue.cancel(put.id)
            return cancelled.state, (await queue.depths())["interactive"], await list_keys(queue, "blob")

    state, depth, payload_keys = asyncio.run(scenario())

    assert state == "cancelled"
    assert depth == QueueDepth(0, 0, 0, 0.0)
    assert payload_keys == []


def test_cancelling_twice_changes_nothing(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[JobStatus, JobStatus]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({}))
            return await queue.cancel(put.id), await queue.cancel(put.id)

    first, second = asyncio.run(scenario())

    assert second == first


def test_events_can_be_read_again_from_any_number(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({}))
            await queue.cancel(put.id)
            return (
                [event.name async for event in queue.events(put.id)],
                [event.name async for event in queue.events(put.id, after=1)],
            )

    all_events, later_events = asyncio.run(scenario())

    assert all_events == ["queued", "cancelled"]
    assert later_events == ["cancelled"]


async def _read_events(queue: JobQueue) -> object:
    return [event async for event in queue.events("nothing")]


@pytest.mark.parametrize(
    "read",
    [lambda queue: queue.status("nothing"), lambda queue: queue.cancel("nothing"), _read_events],
    ids=["status", "cancel", "events"],
)
def test_a_job_that_never_existed_is_unknown(open_queue: OpenQueue, read: Any) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            await read(queue)

    with pytest.raises(JobUnknown, match="there is no job 'nothing'"):
        asyncio.run(scenario())


def test_statuses_come_in_the_order_of_the_ids(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[list[JobStatus], list[JobStatus | None]]:
        async with open_queue() as queue:
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(3)])
            ids = [put.id for put in puts]
            return puts, await queue.statuses([ids[2], "nothing", ids[0]])

    enqueued, statuses = asyncio.run(scenario())

    assert statuses == [enqueued[2], None, enqueued[0]]


def test_an_outage_names_the_server_without_its_password() -> None:
    async def scenario() -> None:
        connection = QueueConnection("redis://me:secret@127.0.0.1:1/0")
        try:
            await JobQueue(ScriptRunner(connection)).enqueue(NewJob({}))
        finally:
            await connection.close()

    with pytest.raises(QueueUnavailable) as raised:
        asyncio.run(scenario())

    assert "redis://127.0.0.1:1/0: " in str(raised.value)
    assert "secret" not in str(raised.value)
