"""How runs of jobs end: done, retried, failed, dead, cancelled, lost, released."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import time
from typing import Any

import orjson
import pytest

from service.queue.attempt import ReportProgress
from service.queue.consumer import Consumer
from service.queue.dead_letters import DeadLetter, DeadLetters
from service.queue.errors import JobNotDead, JobUnknown, PermanentFailure, TemporaryFailure
from service.queue.leases import JobOutcome, JobTerms, Leases
from service.queue.types import JobProgress, JobResult, JobState, JobStatus, NewJob, QueuedJob
from tests.service.queue.conftest import OpenQueue
from tests.service.queue.consumers import list_keys, run_consumer, take_job, wait_until_final

PROBLEM = {"type": "urn:kernelsight:problem:test", "detail": "no"}
SHORT = JobTerms(lease_seconds=0.3)


async def echo(job: QueuedJob, report: ReportProgress) -> JobResult:
    return JobResult(str(job.work["n"]).encode(), "text/plain", {"x-model": "m"})


def test_a_done_job_has_its_result_and_leaves_nothing_else(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[JobStatus, JobResult | None, list[str], int]:
        async with open_queue() as queue, run_consumer(queue, echo):
            put = await queue.enqueue(NewJob({"n": 7}, payloads=(b"image",)))
            status = await wait_until_final(queue, put.id)
            running = (await queue.depths())["interactive"].running
            return status, await queue.result(put.id), await list_keys(queue, "blob"), running

    status, result, payload_keys, running = asyncio.run(scenario())

    assert status.state == "done"
    assert status.attempts == 1
    assert status.error is None
    assert result == JobResult(b"7", "text/plain", {"x-model": "m"})
    assert payload_keys == []
    assert running == 0


def test_a_job_that_is_not_done_has_no_result(open_queue: OpenQueue) -> None:
    async def scenario() -> object:
        async with open_queue() as queue:
            return await queue.result((await queue.enqueue(NewJob({}))).id)

    assert asyncio.run(scenario()) is None


def test_a_permanent_failure_is_not_tried_again(open_queue: OpenQueue) -> None:
    async def refuse(job: QueuedJob, report: ReportProgress) -> JobResult:
        raise PermanentFailure(PROBLEM)

    async def scenario() -> tuple[JobStatus, list[str]]:
        async with open_queue() as queue, run_consumer(queue, refuse):
            status = await wait_until_final(queue, (await queue.enqueue(NewJob({}, payloads=(b"image",)))).id)
            return status, await list_keys(queue, "blob")

    status, payload_keys = asyncio.run(scenario())

    assert status.state == "failed"
    assert status.attempts == 1
    assert status.error == PROBLEM
    assert payload_keys == []


def test_a_temporary_failure_is_tried_again_until_it_works(open_queue: OpenQueue) -> None:
    async def fail_twice(job: QueuedJob, report: ReportProgress) -> JobResult:
        if job.attempt < 3:
            raise TemporaryFailure(PROBLEM, after_seconds=0.01)
        return JobResult(b"")

    async def scenario() -> tuple[Sequence[str], JobStatus]:
        async with open_queue() as queue, run_consumer(queue, fail_twice):
            put = await queue.enqueue(NewJob({}))
            names = [event.name async for event in queue.events(put.id)]
            return names, await queue.status(put.id)

    names, status = asyncio.run(scenario())

    failed_attempt = ["queued", "started", "retrying"]
    assert names == [*failed_attempt, *failed_attempt, "queued", "started", "done"]
    assert status.attempts == 3
    assert status.error is None


async def fail(job: QueuedJob, report: ReportProgress) -> JobResult:
    raise TemporaryFailure(PROBLEM, after_seconds=0.01)


def test_a_job_that_fails_too_often_becomes_a_dead_letter(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[JobStatus, DeadLetter, list[bytes]]:
        async with open_queue() as queue, run_consumer(queue, fail):
            put = await queue.enqueue(NewJob({"n": 1}, payloads=(b"image",)))
            status = await wait_until_final(queue, put.id)
            letter = await DeadLetters(queue).inspect(put.id)
            return status, letter, [await queue.read_payload(name) for name in letter.payload_names]

    status, letter, payloads = asyncio.run(scenario())

    assert status.state == "dead"
    assert status.attempts == 3
    assert status.error == PROBLEM
    assert letter.status == status
    assert letter.work == {"n": 1}
    assert payloads == [b"image"]


def test_a_bug_in_a_handler_does_not_leak_into_the_error(open_queue: OpenQueue) -> None:
    async def broken(job: QueuedJob, report: ReportProgress) -> JobResult:
        raise ValueError("secret")

    async def scenario() -> JobStatus:
        async with open_queue() as queue, run_consumer(queue, broken, JobTerms(attempts=1)):
            return await wait_until_final(queue, (await queue.enqueue(NewJob({}))).id)

    status = asyncio.run(scenario())

    assert status.state == "dead"
    assert "secret" not in str(status.error)


def test_a_handler_that_cancels_itself_counts_as_a_bug(open_queue: OpenQueue) -> None:
    async def cancel(job: QueuedJob, report: ReportProgress) -> JobResult:
        raise asyncio.CancelledError

    async def scenario() -> str:
        async with open_queue() as queue, run_consumer(queue, cancel, JobTerms(attempts=1)):
            return (await wait_until_final(queue, (await queue.enqueue(NewJob({}))).id)).state

    assert asyncio.run(scenario()) == "dead"


def test_an_error_that_is_no_outage_ends_the_consumer(open_queue: OpenQueue) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            await queue.enqueue(NewJob({"n": 1}))
            async with queue.scripts.connection.command() as client:
                [id] = await list_keys(queue, "job")
                await client.hset(queue.scripts.key("job", id), "work", "no JSON")
            await Consumer(Leases(queue.scripts, SHORT), echo).run()

    with pytest.raises(orjson.JSONDecodeError):
        asyncio.run(scenario())


def test_dead_letters_can_be_listed_requeued_and_dropped(open_queue: OpenQueue) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            letters = DeadLetters(queue)
            async with run_consumer(queue, fail, JobTerms(attempts=1)):
                puts = [await queue.enqueue(NewJob({"n": n}, payloads=(b"image",))) for n in range(4)]
                for put in puts:
                    await wait_until_final(queue, put.id)
            ids = [status.id for status in await letters.list()]
            assert set(ids) == {put.id for put in puts}
            assert [status.id for status in await letters.list(2, after=ids[0])] == ids[1:3]
            await letters.requeue(ids[0])
            async with run_consumer(queue, echo):
                revived = await wait_until_final(queue, ids[0])
            assert revived.state == "done"
            assert revived.attempts == 1
            for id in ids[1:]:
                await letters.drop(id)
            assert await letters.count() == 0
            assert await list_keys(queue, "blob") == []

    asyncio.run(scenario())


@pytest.mark.parametrize("verb", ["inspect", "requeue", "drop"])
def test_jobs_that_are_not_dead_are_refused(open_queue: OpenQueue, verb: str) -> None:
    async def scenario() -> list[type]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({}))
            calls = [getattr(DeadLetters(queue), verb)(id) for id in (put.id, "nothing")]
            return [type(one) for one in await asyncio.gather(*calls, return_exceptions=True)]

    assert asyncio.run(scenario()) == [JobNotDead, JobUnknown]


def test_listing_dead_letters_after_an_unknown_one_raises(open_queue: OpenQueue) -> None:
    async def scenario() -> None:
        async with open_queue() as queue:
            await DeadLetters(queue).list(after="nothing")

    with pytest.raises(JobUnknown):
        asyncio.run(scenario())


def test_expired_dead_letters_are_dropped(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[object, ...]:
        terms = JobTerms(attempts=1, dead_seconds=0)
        async with open_queue() as queue, run_consumer(queue, fail, terms):
            put = await queue.enqueue(NewJob({}, payloads=(b"image",)))
            while await queue.statuses([put.id]) != [None]:
                await asyncio.sleep(0.01)
            return await DeadLetters(queue).count(), await list_keys(queue, "blob")

    count, payload_keys = asyncio.run(scenario())

    assert count == 0
    assert payload_keys == []


def test_a_job_longer_than_its_lease_runs_once(open_queue: OpenQueue) -> None:
    runs: Counter[str] = Counter()

    async def run_long(job: QueuedJob, report: ReportProgress) -> JobResult:
        runs[job.id] += 1
        await asyncio.sleep(3 * SHORT.lease_seconds)
        return JobResult(b"")

    async def scenario() -> None:
        async with open_queue() as queue, run_consumer(queue, run_long, SHORT), run_consumer(queue, run_long, SHORT):
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(8)])
            for put in puts:
                await wait_until_final(queue, put.id)

    asyncio.run(scenario())

    assert len(runs) == 8
    assert set(runs.values()) == {1}


def test_a_lost_job_is_taken_over_and_its_late_outcome_ignored(open_queue: OpenQueue) -> None:
    reclaimed_runs: list[int] = []

    async def scenario() -> tuple[object, ...]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({"n": 2}))
            lost = await take_job(queue)
            async with run_consumer(
                queue, echo, SHORT, on_reclaimed=lambda jobs: reclaimed_runs.extend(job.run for job in jobs)
            ):
                status = await wait_until_final(queue, put.id)
            late = await Leases(queue.scripts, SHORT).finish([JobOutcome.done(lost, JobResult(b"late"))])
            result = await queue.result(put.id)
            return late, status.attempts, result and result.body

    late, attempts, body = asyncio.run(scenario())

    assert reclaimed_runs == [2]
    assert attempts == 2
    assert late == ["stale"]
    assert body == b"2"


def test_a_worker_that_lost_a_job_stops_working_on_it(open_queue: OpenQueue) -> None:
    async def scenario() -> list[str]:
        seen: list[str] = []
        began = asyncio.Event()

        async def hang(job: QueuedJob, report: ReportProgress) -> JobResult:
            began.set()
            await asyncio.sleep(60)
            return JobResult(b"")

        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({"n": 2}))
            async with run_consumer(queue, hang, SHORT, on_finished=lambda job, state, _: seen.append(state)):
                await began.wait()
                async with queue.scripts.connection.command() as client:  # as if another had claimed it
                    await client.hincrby(queue.scripts.key("job", put.id), "run", 1)
                while not seen:
                    await asyncio.sleep(0.01)
        return seen

    assert asyncio.run(scenario()) == ["lost"]


def test_a_running_job_is_cancelled_at_its_next_lease_renewal(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[object, ...]:
        began, ended = asyncio.Event(), asyncio.Event()

        async def hang(job: QueuedJob, report: ReportProgress) -> JobResult:
            began.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()
            return JobResult(b"")

        async with open_queue() as queue, run_consumer(queue, hang, SHORT):
            put = await queue.enqueue(NewJob({}))
            await began.wait()
            at_once = (await queue.cancel(put.id)).state
            return at_once, (await wait_until_final(queue, put.id)).state, ended.is_set()

    at_once, at_last, handler_ended = asyncio.run(scenario())

    assert at_once == "running"
    assert at_last == "cancelled"
    assert handler_ended


def test_a_cancelled_job_whose_worker_is_gone_is_not_started_again(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[str, int]:
        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({"n": 1}))
            await take_job(queue)
            await queue.cancel(put.id)
            async with run_consumer(queue, echo, SHORT):
                status = await wait_until_final(queue, put.id)
            return status.state, status.attempts

    state, attempts = asyncio.run(scenario())

    assert state == "cancelled"
    assert attempts == 1


def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(open_queue: OpenQueue) -> None:
    async def retry_later(job: QueuedJob, report: ReportProgress) -> JobResult:
        raise TemporaryFailure(PROBLEM, after_seconds=60)

    async def scenario() -> tuple[object, ...]:
        async with open_queue() as queue, run_consumer(queue, retry_later):
            put = await queue.enqueue(NewJob({}))
            while (await queue.status(put.id)).state != "retrying":
                await asyncio.sleep(0.01)
            delayed = (await queue.depths())["interactive"].delayed
            state = (await queue.cancel(put.id)).state
            return delayed, state, (await queue.depths())["interactive"].delayed

    delayed_before, state, delayed_after = asyncio.run(scenario())

    assert delayed_before == 1
    assert state == "cancelled"
    assert delayed_after == 0


def test_progress_is_in_the_status_and_the_events(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[JobProgress | None, list[tuple[str, dict[str, Any]]]]:
        go_on = asyncio.Event()

        async def report_half(job: QueuedJob, report: ReportProgress) -> JobResult:
            await report(1, 2)
            await go_on.wait()
            return JobResult(b"")

        async with open_queue() as queue, run_consumer(queue, report_half):
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

    assert progress == JobProgress(1, 2)
    assert seen[1:] == [("started", {"attempt": 1}), ("progress", {"done": 1, "total": 2}), ("done", {})]


def test_a_job_that_expired_is_not_started(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[object, ...]:
        async with open_queue() as queue, run_consumer(queue, echo):
            status = await wait_until_final(queue, (await queue.enqueue(NewJob({"n": 1}, expires=time() - 1))).id)
            return status.state, (status.error or {})["type"]

    state, problem_type = asyncio.run(scenario())

    assert state == "failed"
    assert problem_type == "urn:kernelsight:problem:job-expired"


def test_interactive_jobs_go_first_within_the_concurrency(open_queue: OpenQueue) -> None:
    order: list[str] = []
    running = 0

    async def scenario() -> int:
        peak = 0

        async def note(job: QueuedJob, report: ReportProgress) -> JobResult:
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            order.append(job.priority)
            await asyncio.sleep(0.001)
            running -= 1
            return JobResult(b"")

        async with open_queue() as queue:
            await queue.enqueue_many([NewJob({}, "batch") for _ in range(50)])
            last = (await queue.enqueue_many([NewJob({}) for _ in range(20)]))[-1]
            async with run_consumer(queue, note, concurrency=4):
                await wait_until_final(queue, last.id)
                while (await queue.depths())["batch"] != (await queue.depths())["interactive"]:
                    await asyncio.sleep(0.01)
        return peak

    peak = asyncio.run(scenario())

    assert order == ["interactive"] * 20 + ["batch"] * 50
    assert peak == 4


def test_a_stopping_worker_releases_jobs_that_it_cannot_finish(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[set[JobState], list[JobStatus]]:
        async def hang(job: QueuedJob, report: ReportProgress) -> JobResult:
            await asyncio.sleep(60)
            return JobResult(b"")

        async with open_queue() as queue:
            puts = await queue.enqueue_many([NewJob({"n": n}) for n in range(6)])
            async with run_consumer(queue, hang, concurrency=4, grace_seconds=0) as consumer:
                while consumer.in_flight < 4:
                    await asyncio.sleep(0.01)
            states = {status.state for status in await queue.statuses([put.id for put in puts]) if status}
            async with run_consumer(queue, echo):  # a lease is 30 s: nothing waits for that
                ends = [await wait_until_final(queue, put.id) for put in puts]
            return states, ends

    states_after_release, ends = asyncio.run(scenario())

    assert states_after_release == {"queued"}
    assert {end.state for end in ends} == {"done"}
    assert {end.attempts for end in ends} == {1}


def test_a_stopping_worker_finishes_short_jobs(open_queue: OpenQueue) -> None:
    async def scenario() -> str:
        began = asyncio.Event()

        async def run_short(job: QueuedJob, report: ReportProgress) -> JobResult:
            began.set()
            await asyncio.sleep(0.1)
            return JobResult(b"")

        async with open_queue() as queue:
            put = await queue.enqueue(NewJob({}))
            async with run_consumer(queue, run_short):
                await began.wait()
            return (await queue.status(put.id)).state

    assert asyncio.run(scenario()) == "done"


def test_lost_streams_are_created_again(open_queue: OpenQueue) -> None:
    async def scenario() -> str:
        async with open_queue() as queue, run_consumer(queue, echo):
            await wait_until_final(queue, (await queue.enqueue(NewJob({"n": 1}))).id)
            async with queue.scripts.connection.command() as client:
                for priority in ("interactive", "batch"):
                    await client.delete(queue.scripts.key("stream", priority))
            return (await wait_until_final(queue, (await queue.enqueue(NewJob({"n": 1}))).id)).state

    assert asyncio.run(scenario()) == "done"
