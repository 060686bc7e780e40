"""What becomes of jobs: done once, tried again, given up, cancelled, handed over."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import time
from typing import Any

import orjson
import pytest

from service.queue.attempt import Report
from service.queue.consumer import Consumer
from service.queue.dead_letters import DeadLetters
from service.queue.errors import JobNotDead, JobUnknown, PermanentFailure, TemporaryFailure
from service.queue.leases import Ending, JobTerms, Leases
from service.queue.types import Job, JobStatus, NewJob, Outcome, Progress
from tests.service.queue.conftest import Opened
from tests.service.queue.working import consuming, final, keys_of, take_one

PROBLEM = {"type": "urn:kernelsight:problem:test", "detail": "no"}
SHORT = JobTerms(lease_seconds=0.3)


async def echo(job: Job, report: Report) -> Outcome:
    return Outcome(str(job.work["n"]).encode(), "text/plain", {"x-model": "m"})


def test_a_job_that_is_done_has_its_result_and_leaves_nothing_else(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, echo):
            put = await queue.enqueue(NewJob({"n": 7}, payloads=(b"image",)))
            status = await final(queue, put.id)
            left = await keys_of(queue, "blob"), (await queue.depths())["interactive"].running
            return status.state, status.attempts, status.error, await queue.result(put.id), left

    assert asyncio.run(scenario()) == ("done", 1, None, Outcome(b"7", "text/plain", {"x-model": "m"}), ([], 0))


def test_a_job_that_is_not_done_has_no_result(opened: Opened) -> None:
    async def scenario() -> object:
        async with opened() as queue:
            return await queue.result((await queue.enqueue(NewJob({}))).id)

    assert asyncio.run(scenario()) is None


def test_a_permanent_failure_is_not_tried_again(opened: Opened) -> None:
    async def refuse(job: Job, report: Report) -> Outcome:
        raise PermanentFailure(PROBLEM)

    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, refuse):
            status = await final(queue, (await queue.enqueue(NewJob({}, payloads=(b"image",)))).id)
            return status.state, status.attempts, status.error, await keys_of(queue, "blob")

    assert asyncio.run(scenario()) == ("failed", 1, PROBLEM, [])


def test_a_temporary_failure_is_tried_again_until_it_works(opened: Opened) -> None:
    async def third_time(job: Job, report: Report) -> Outcome:
        if job.attempt < 3:
            raise TemporaryFailure(PROBLEM, after_seconds=0.01)
        return Outcome(b"")

    async def scenario() -> tuple[Sequence[str], JobStatus]:
        async with opened() as queue, consuming(queue, third_time):
            put = await queue.enqueue(NewJob({}))
            names = [event.name async for event in queue.events(put.id)]
            return names, await queue.status(put.id)

    names, status = asyncio.run(scenario())
    again = ["queued", "started", "retrying"]
    assert (names, status.attempts, status.error) == ([*again, *again, "queued", "started", "done"], 3, None)


async def fail(job: Job, report: Report) -> Outcome:
    raise TemporaryFailure(PROBLEM, after_seconds=0.01)


def test_what_fails_too_often_is_a_dead_letter_that_keeps_its_payload(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, fail):
            put = await queue.enqueue(NewJob({"n": 1}, payloads=(b"image",)))
            status = await final(queue, put.id)
            letter = await DeadLetters(queue).inspect(put.id)
            read = [await queue.payload(name) for name in letter.blobs]
            return status.state, status.attempts, status.error, letter.status == status, letter.work, read

    assert asyncio.run(scenario()) == ("dead", 3, PROBLEM, True, {"n": 1}, [b"image"])


def test_a_bug_in_a_handler_is_a_problem_without_its_traceback(opened: Opened) -> None:
    async def broken(job: Job, report: Report) -> Outcome:
        raise ValueError("secret")

    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, broken, JobTerms(attempts=1)):
            status = await final(queue, (await queue.enqueue(NewJob({}))).id)
            return status.state, "secret" in str(status.error)

    assert asyncio.run(scenario()) == ("dead", False)


def test_a_handler_that_cancels_itself_is_a_bug_like_others(opened: Opened) -> None:
    async def cancel(job: Job, report: Report) -> Outcome:
        raise asyncio.CancelledError

    async def scenario() -> str:
        async with opened() as queue, consuming(queue, cancel, JobTerms(attempts=1)):
            return (await final(queue, (await queue.enqueue(NewJob({}))).id)).state

    assert asyncio.run(scenario()) == "dead"


def test_what_no_outage_explains_ends_the_consumer(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as queue:
            await queue.enqueue(NewJob({"n": 1}))
            async with queue.server.connection.command() as client:
                [id] = await keys_of(queue, "job")
                await client.hset(queue.server.key("job", id), "work", "no JSON")
            await Consumer(Leases(queue.server, SHORT), echo).run()

    with pytest.raises(orjson.JSONDecodeError):
        asyncio.run(scenario())


def test_dead_letters_are_listed_oldest_first_requeued_and_dropped(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue:
            letters = DeadLetters(queue)
            async with consuming(queue, fail, JobTerms(attempts=1)):
                puts = [await queue.enqueue(NewJob({"n": n}, payloads=(b"image",))) for n in range(4)]
                for put in puts:
                    await final(queue, put.id)
            ids = [status.id for status in await letters.list()]
            paged = [status.id for status in await letters.list(2, after=ids[0])]
            await letters.requeue(ids[0])
            async with consuming(queue, echo):
                revived = await final(queue, ids[0])
            for id in ids[1:]:
                await letters.drop(id)
            left = await letters.count(), await keys_of(queue, "blob")
            return set(ids) == {put.id for put in puts}, paged == ids[1:3], (revived.state, revived.attempts), left

    assert asyncio.run(scenario()) == (True, True, ("done", 1), (0, []))


@pytest.mark.parametrize("verb", ["inspect", "requeue", "drop"])
def test_only_dead_letters_are_touched(opened: Opened, verb: str) -> None:
    async def scenario() -> list[type]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({}))
            tries = [getattr(DeadLetters(queue), verb)(id) for id in (put.id, "nothing")]
            return [type(one) for one in await asyncio.gather(*tries, return_exceptions=True)]

    assert asyncio.run(scenario()) == [JobNotDead, JobUnknown]


def test_a_page_of_dead_letters_after_one_that_is_gone_is_an_error(opened: Opened) -> None:
    async def scenario() -> None:
        async with opened() as queue:
            await DeadLetters(queue).list(after="nothing")

    with pytest.raises(JobUnknown):
        asyncio.run(scenario())


def test_dead_letters_are_forgotten_when_their_time_is_over(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        terms = JobTerms(attempts=1, dead_seconds=0)
        async with opened() as queue, consuming(queue, fail, terms):
            put = await queue.enqueue(NewJob({}, payloads=(b"image",)))
            while await queue.statuses([put.id]) != [None]:
                await asyncio.sleep(0.01)
            return await DeadLetters(queue).count(), await keys_of(queue, "blob")

    assert asyncio.run(scenario()) == (0, [])


def test_a_job_longer_than_its_lease_runs_once(opened: Opened) -> None:
    runs: Counter[str] = Counter()

    async def long(job: Job, report: Report) -> Outcome:
        runs[job.id] += 1
        await asyncio.sleep(3 * SHORT.lease_seconds)
        return Outcome(b"")

    async def scenario() -> None:
        async with opened() as queue, consuming(queue, long, SHORT), consuming(queue, long, SHORT):
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(8)])
            for put in puts:
                await final(queue, put.id)

    asyncio.run(scenario())

    assert (len(runs), set(runs.values())) == (8, {1})


def test_what_a_worker_let_fall_is_taken_over_and_its_late_outcome_changes_nothing(opened: Opened) -> None:
    taken: list[int] = []

    async def scenario() -> tuple[object, ...]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({"n": 2}))
            lost = await take_one(queue)
            async with consuming(queue, echo, SHORT, reclaimed=lambda jobs: taken.extend(job.run for job in jobs)):
                status = await final(queue, put.id)
            late = await Leases(queue.server, SHORT).finish([Ending.done(lost, Outcome(b"late"))])
            result = await queue.result(put.id)
            return late, status.attempts, result and result.body

    assert (asyncio.run(scenario()), taken) == ((["stale"], 2, b"2"), [2])


def test_a_worker_that_lost_a_job_stops_working_on_it(opened: Opened) -> None:
    async def scenario() -> list[str]:
        seen: list[str] = []
        began = asyncio.Event()

        async def hang(job: Job, report: Report) -> Outcome:
            began.set()
            await asyncio.sleep(60)
            return Outcome(b"")

        async with opened() as queue:
            put = await queue.enqueue(NewJob({"n": 2}))
            async with consuming(queue, hang, SHORT, observe=lambda job, state, _: seen.append(state)):
                await began.wait()
                async with queue.server.connection.command() as client:  # as if another had claimed it
                    await client.hincrby(queue.server.key("job", put.id), "run", 1)
                while not seen:
                    await asyncio.sleep(0.01)
        return seen

    assert asyncio.run(scenario()) == ["lost"]


def test_a_running_job_is_cancelled_with_the_next_beat(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        began, ended = asyncio.Event(), asyncio.Event()

        async def hang(job: Job, report: Report) -> Outcome:
            began.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()
            return Outcome(b"")

        async with opened() as queue, consuming(queue, hang, SHORT):
            put = await queue.enqueue(NewJob({}))
            await began.wait()
            at_once = (await queue.cancel(put.id)).state
            return at_once, (await final(queue, put.id)).state, ended.is_set()

    assert asyncio.run(scenario()) == ("running", "cancelled", True)


def test_a_cancelled_job_whose_worker_is_gone_is_not_started_again(opened: Opened) -> None:
    async def scenario() -> tuple[str, int]:
        async with opened() as queue:
            put = await queue.enqueue(NewJob({"n": 1}))
            await take_one(queue)
            await queue.cancel(put.id)
            async with consuming(queue, echo, SHORT):
                status = await final(queue, put.id)
            return status.state, status.attempts

    assert asyncio.run(scenario()) == ("cancelled", 1)


def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(opened: Opened) -> None:
    async def later(job: Job, report: Report) -> Outcome:
        raise TemporaryFailure(PROBLEM, after_seconds=60)

    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, later):
            put = await queue.enqueue(NewJob({}))
            while (await queue.status(put.id)).state != "retrying":
                await asyncio.sleep(0.01)
            delayed = (await queue.depths())["interactive"].delayed
            return delayed, (await queue.cancel(put.id)).state, (await queue.depths())["interactive"].delayed

    assert asyncio.run(scenario()) == (1, "cancelled", 0)


def test_progress_shows_in_the_status_and_the_events(opened: Opened) -> None:
    async def scenario() -> tuple[Progress | None, list[tuple[str, dict[str, Any]]]]:
        go_on = asyncio.Event()

        async def half(job: Job, report: Report) -> Outcome:
            await report(1, 2)
            await go_on.wait()
            return Outcome(b"")

        async with opened() as queue, consuming(queue, half):
            progress = None
            put = await queue.enqueue(NewJob({}))
            seen: list[tuple[str, dict[str, Any]]] = []
            async for event in queue.events(put.id):
                seen.append((event.name, event.facts))
                if event.name == "progress":
                    progress = (await queue.status(put.id)).progress
                    go_on.set()
            return progress, seen

    progress, seen = asyncio.run(scenario())
    assert (progress, seen[1:]) == (
        Progress(1, 2), [("started", {"attempt": 1}), ("progress", {"done": 1, "total": 2}), ("done", {})],
    )  # fmt: skip


def test_a_job_that_expired_is_not_started(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async with opened() as queue, consuming(queue, echo):
            status = await final(queue, (await queue.enqueue(NewJob({"n": 1}, expires=time() - 1))).id)
            return status.state, (status.error or {})["type"]

    assert asyncio.run(scenario()) == ("failed", "urn:kernelsight:problem:job-expired")


def test_interactive_jobs_go_first_and_never_more_are_taken_than_there_are_free_slots(opened: Opened) -> None:
    order: list[str] = []
    together = 0

    async def scenario() -> int:
        most = 0

        async def note(job: Job, report: Report) -> Outcome:
            nonlocal together, most
            together += 1
            most = max(most, together)
            order.append(job.priority)
            await asyncio.sleep(0.001)
            together -= 1
            return Outcome(b"")

        async with opened() as queue:
            await queue.enqueue_many([NewJob({}, "batch") for _ in range(50)])
            last = (await queue.enqueue_many([NewJob({}) for _ in range(20)]))[-1]
            async with consuming(queue, note, concurrency=4):
                await final(queue, last.id)
                while (await queue.depths())["batch"] != (await queue.depths())["interactive"]:
                    await asyncio.sleep(0.01)
        return most

    assert (asyncio.run(scenario()), order) == (4, ["interactive"] * 20 + ["batch"] * 50)


def test_a_worker_that_stops_hands_over_what_it_cannot_finish(opened: Opened) -> None:
    async def scenario() -> tuple[object, ...]:
        async def hang(job: Job, report: Report) -> Outcome:
            await asyncio.sleep(60)
            return Outcome(b"")

        async with opened() as queue:
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(6)])
            async with consuming(queue, hang, concurrency=4, grace_seconds=0) as consumer:
                while consumer.in_flight < 4:
                    await asyncio.sleep(0.01)
            states = {status.state for status in await queue.statuses([put.id for put in puts]) if status}
            async with consuming(queue, echo):  # its lease is 30 s: nothing waits for that
                ends = [await final(queue, put.id) for put in puts]
            return states, {(end.state, end.attempts) for end in ends}

    assert asyncio.run(scenario()) == ({"queued"}, {("done", 1)})


def test_a_worker_that_stops_finishes_what_it_can(opened: Opened) -> None:
    async def scenario() -> str:
        began = asyncio.Event()

        async def short(job: Job, report: Report) -> Outcome:
            began.set()
            await asyncio.sleep(0.1)
            return Outcome(b"")

        async with opened() as queue:
            put = await queue.enqueue(NewJob({}))
            async with consuming(queue, short):
                await began.wait()
            return (await queue.status(put.id)).state

    assert asyncio.run(scenario()) == "done"


def test_a_server_that_lost_everything_gets_its_streams_anew(opened: Opened) -> None:
    async def scenario() -> str:
        async with opened() as queue, consuming(queue, echo):
            await final(queue, (await queue.enqueue(NewJob({"n": 1}))).id)
            async with queue.server.connection.command() as client:
                for priority in ("interactive", "batch"):
                    await client.delete(queue.server.key("stream", priority))
            return (await final(queue, (await queue.enqueue(NewJob({"n": 1}))).id)).state

    assert asyncio.run(scenario()) == "done"
