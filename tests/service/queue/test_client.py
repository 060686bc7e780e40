"""What comes in, and what can be asked of it, before any worker has it."""

import asyncio
from typing import Any

import pytest

from service.queue.client import JobQueue
from service.queue.connection import Connection
from service.queue.errors import IdempotencyConflict, JobUnknown, QueueFull, QueueUnavailable
from service.queue.payloads import blob_name
from service.queue.scripts import Server
from service.queue.types import Depth, NewJob
from tests.service.queue.conftest import Opened
from tests.service.queue.working import keys_of, take_one


def test_a_job_that_came_in_waits_in_its_priority(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({"a": 1}, "batch"))
            depths = await queue.depths()
            return put.state, await queue.status(put.id) == put, depths["batch"].waiting, depths["interactive"].waiting

    assert asyncio.run(scenario()) == ("queued", True, 1, 0)


def test_a_full_priority_refuses_and_says_when_to_ask_again_and_the_other_takes(opened: Opened) -> None:
    async def scenario() -> tuple[float, str]:
        async with opened(depth=3) as queue:
            for _ in range(3):
                await queue.enqueue(NewJob({}, "batch"))
            with pytest.raises(QueueFull, match="the batch queue has 3 waiting already") as raised:
                await queue.enqueue(NewJob({}, "batch"))
            return raised.value.retry_seconds, (await queue.enqueue(NewJob({}))).state

    assert asyncio.run(scenario()) == (1.0, "queued")


def test_of_many_jobs_the_first_ones_get_the_room_there_is(opened: Opened) -> None:
    async def scenario() -> tuple[list[int], int]:
        async with opened(depth=250) as queue:
            put = await queue.enqueue_many([NewJob({"n": n}, "batch") for n in range(400)])
            jobs = [await take_one(queue) for _ in put]
            return [job.work["n"] for job in jobs], len(put)

    assert asyncio.run(scenario()) == ([*range(250)], 250)


def test_producers_at_the_same_time_never_put_in_more_than_there_is_room_for(opened: Opened) -> None:
    async def scenario() -> tuple[int, int]:
        async with opened(depth=100) as queue:
            offers = (queue.enqueue(NewJob({})) for _ in range(200))
            found = await asyncio.gather(*offers, return_exceptions=True)
            return sum(isinstance(one, QueueFull) for one in found), (await queue.depths())["interactive"].waiting

    assert asyncio.run(scenario()) == (100, 100)


def test_the_same_idempotency_key_gives_the_same_job(opened: Opened) -> None:
    async def scenario() -> tuple[bool, int]:
        async with opened() as queue:
            job = NewJob({"a": 1, "b": 2}, payloads=(b"image",), idempotency_key="key")
            again = NewJob({"b": 2, "a": 1}, payloads=(b"image",), idempotency_key="key")
            puts = await asyncio.gather(queue.enqueue(job), queue.enqueue(again), queue.enqueue(job))
            return len({put.id for put in puts}) == 1, (await queue.depths())["interactive"].waiting

    assert asyncio.run(scenario()) == (True, 1)


@pytest.mark.parametrize(
    "other",
    [NewJob({"a": 2}, payloads=(b"image",)), NewJob({"a": 1}, payloads=(b"other",)), NewJob({"a": 1}, "batch")],
    ids=["work", "payload", "priority"],
)
def test_the_same_key_for_something_else_is_a_conflict(opened: Opened, other: NewJob) -> None:
    async def scenario() -> None:
        async with opened() as queue:
            await queue.enqueue(NewJob({"a": 1}, payloads=(b"image",), idempotency_key="key"))
            await queue.enqueue(NewJob(other.work, other.priority, other.payloads, idempotency_key="key"))

    with pytest.raises(IdempotencyConflict, match="'key' belongs to job"):
        asyncio.run(scenario())


def test_a_payload_that_many_jobs_bring_is_stored_once_and_read_by_its_name(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue:
            await queue.enqueue_many([NewJob({"n": n}, payloads=(b"one", b"two")) for n in range(5)])
            job = await take_one(queue)
            return job.blobs, [await queue.payload(name) for name in job.blobs], len(await keys_of(queue, "blob"))

    assert asyncio.run(scenario()) == ((blob_name(b"one"), blob_name(b"two")), [b"one", b"two"], 2)


def test_a_payload_that_no_job_ever_takes_along_is_gone_at_last(opened: Opened) -> None:
    async def scene() -> list[int]:
        async with opened() as queue:
            await queue.enqueue(NewJob({}, payloads=(b"one", b"two")))
            async with queue.server.connection.command() as client:
                return [await client.ttl(queue.server.key("blob", name)) for name in await keys_of(queue, "blob")]

    days = [seconds / 86_400 for seconds in asyncio.run(scene())]
    assert [round(one, 3) for one in days] == [14, 14]


def test_a_payload_that_is_gone_is_said(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as queue:
            await queue.payload("0123")

    with pytest.raises(QueueUnavailable, match="payload 0123 is gone"):
        asyncio.run(scenario())


def test_a_waiting_job_is_cancelled_at_once_with_its_payload(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({}, payloads=(b"image",)))
            cancelled = await queue.cancel(put.id)
            return cancelled.state, (await queue.depths())["interactive"], await keys_of(queue, "blob")

    assert asyncio.run(scenario()) == ("cancelled", Depth(0, 0, 0, 0.0), [])


def test_cancelling_twice_changes_nothing(opened: Opened) -> None:
    async def scenario() -> bool:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({}))
            return await queue.cancel(put.id) == await queue.cancel(put.id)

    assert asyncio.run(scenario())


def test_events_tell_what_happened_and_go_on_from_where_a_reader_left(opened: Opened) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({}))
            await queue.cancel(put.id)
            return (
                [event.name async for event in queue.events(put.id)],
                [event.name async for event in queue.events(put.id, after=1)],
            )

    assert asyncio.run(scenario()) == (["queued", "cancelled"], ["cancelled"])


async def _read_events(queue: JobQueue) -> object:
    return [event async for event in queue.events("nothing")]


@pytest.mark.parametrize(
    "ask",
    [lambda queue: queue.status("nothing"), lambda queue: queue.cancel("nothing"), _read_events],
    ids=["status", "cancel", "events"],
)
def test_a_job_that_never_was_is_unknown(opened: Opened, ask: Any) -> None:
    async def scenario() -> None:
        async with opened() as queue:
            await ask(queue)

    with pytest.raises(JobUnknown, match="there is no job 'nothing'"):
        asyncio.run(scenario())


def test_the_statuses_of_many_come_in_their_order(opened: Opened) -> None:
    async def scenario() -> bool:
        async with opened() as queue:
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(3)])
            ids = [put.id for put in puts]
            return await queue.statuses([ids[2], "nothing", ids[0]]) == [puts[2], None, puts[0]]

    assert asyncio.run(scenario())


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    async def scenario() -> None:
        connection = Connection("redis://me:secret@127.0.0.1:1/0")
        try:
            await JobQueue(Server(connection)).enqueue(NewJob({}))
        finally:
            await connection.close()

    with pytest.raises(QueueUnavailable) as raised:
        asyncio.run(scenario())

    assert ("redis://127.0.0.1:1/0: " in str(raised.value), "secret" in str(raised.value)) == (True, False)
