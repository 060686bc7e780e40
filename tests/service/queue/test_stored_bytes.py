"""The queue is bounded in bytes: what would be too much is refused before any of it is stored, and nothing is lost."""

import asyncio
from pathlib import Path

import pytest

from service.problems import problem_for
from service.queue.attempt import ReportProgress
from service.queue.client import JobQueue
from service.queue.dead_letters import DeadLetters
from service.queue.errors import QueueFull, QueueServerFull, ResultsFull
from service.queue.factory import open_queue as open_embedded_queue
from service.queue.leases import JobOutcome, JobTerms, Leases
from service.queue.types import JobResult, JobState, NewJob, QueuedJob
from service.settings import QueueSettings, Settings
from tests.service.queue.conftest import OpenQueue
from tests.service.queue.consumers import list_keys, run_consumer, take_job, wait_until_final


async def end_next_job(queue: JobQueue, result: bytes = b"", terms: JobTerms | None = None) -> None:
    leases = Leases(queue.scripts, terms or JobTerms())
    [job] = await leases.take(1)
    await leases.finish([JobOutcome.done(job, JobResult(result))])


def test_payloads_over_the_bytes_are_refused(open_queue: OpenQueue) -> None:
    async def scenario() -> list[str]:
        async with open_queue(payload_bytes=1000) as queue:
            await queue.enqueue(NewJob({}, payloads=(bytes(600),)))
            with pytest.raises(QueueFull, match="1000 waiting already"):
                await queue.enqueue(NewJob({}, payloads=(b"1" * 401,)))
            return await list_keys(queue, "job")

    assert len(asyncio.run(scenario())) == 1


def test_a_payload_that_is_stored_already_takes_no_bytes(open_queue: OpenQueue) -> None:
    async def scenario() -> int:
        async with open_queue(payload_bytes=1000) as queue:
            return len(await queue.enqueue_many([NewJob({"n": n}, payloads=(bytes(1000),)) for n in range(5)]))

    assert asyncio.run(scenario()) == 5


def test_jobs_without_payloads_are_taken_while_payloads_are_full(open_queue: OpenQueue) -> None:
    async def scenario() -> str:
        async with open_queue(payload_bytes=1000) as queue:
            await queue.enqueue(NewJob({}, payloads=(bytes(1000),)))
            return (await queue.enqueue(NewJob({}))).state

    assert asyncio.run(scenario()) == "queued"


def test_a_job_that_ends_makes_room_for_payloads(open_queue: OpenQueue) -> None:
    async def scenario() -> str:
        async with open_queue(payload_bytes=1000) as queue:
            await queue.enqueue(NewJob({}, payloads=(bytes(1000),)))
            await end_next_job(queue)
            return (await queue.enqueue(NewJob({}, payloads=(b"1" * 1000,)))).state

    assert asyncio.run(scenario()) == "queued"


def test_new_jobs_are_refused_while_results_fill_their_bytes(open_queue: OpenQueue) -> None:
    async def scenario() -> tuple[dict[str, object], str]:
        async with open_queue(result_bytes=10_000) as queue:
            await queue.enqueue(NewJob({}))
            await end_next_job(queue, bytes(10_000))
            with pytest.raises(ResultsFull) as refused:
                await queue.enqueue(NewJob({}))
            follow_up = await queue.enqueue(NewJob({}, follows_up=True))
            return problem_for(refused.value), follow_up.state

    problem, follow_up = asyncio.run(scenario())

    assert problem["type"] == "urn:kernelsight:problem:storage-full"
    assert problem["status"] == 507
    assert follow_up == "queued"


def test_workers_start_no_job_while_results_fill_their_bytes(open_queue: OpenQueue) -> None:
    terms = JobTerms(result_bytes=10_000)

    async def scenario() -> tuple[int, str]:
        async with open_queue() as queue:
            waiting = (await queue.enqueue_many([NewJob({"n": n}) for n in range(2)]))[1]
            await end_next_job(queue, bytes(10_000), terms)
            return len(await Leases(queue.scripts, terms).take(8)), (await queue.status(waiting.id)).state

    assert asyncio.run(scenario()) == (0, "queued")


def test_expired_results_make_room(open_queue: OpenQueue) -> None:
    terms = JobTerms(keep_seconds=0.001, result_bytes=10_000)

    async def scenario() -> str:
        async with open_queue(result_bytes=10_000) as queue:
            await queue.enqueue_many([NewJob({"n": n}) for n in range(2)])
            leases = Leases(queue.scripts, terms)
            [job] = await leases.take(1)
            await leases.finish([JobOutcome.done(job, JobResult(bytes(10_000)))])
            await asyncio.sleep(0.01)  # the result's time is over
            await leases.sweep(0)
            return (await queue.enqueue(NewJob({}))).state

    assert asyncio.run(scenario()) == "queued"


def test_a_dropped_dead_letter_makes_room(open_queue: OpenQueue) -> None:
    async def scenario() -> str:
        async with open_queue(payload_bytes=1000, result_bytes=2000) as queue:
            await queue.enqueue(NewJob({}, payloads=(bytes(1000),)))
            job = await take_job(queue)
            await Leases(queue.scripts, JobTerms(attempts=1)).finish([JobOutcome.retry(job, {}, 0)])
            with pytest.raises(QueueFull):
                await queue.enqueue(NewJob({}, payloads=(b"1",)))
            await DeadLetters(queue).drop(job.id)
            return (await queue.enqueue(NewJob({}, payloads=(bytes(1000),)))).state

    assert asyncio.run(scenario()) == "queued"


async def fill(queue: JobQueue) -> list[str]:
    """Enqueue megabytes until the server is full; the ids of the jobs that it took."""
    taken: list[str] = []
    while len(taken) < 64:
        try:
            taken.append((await queue.enqueue(NewJob({}, payloads=(bytes([len(taken)]) * 2**20,)))).id)
        except QueueServerFull:
            return taken
    raise AssertionError("64 MiB found room in a server of 16 MiB")


def small_server(folder: Path) -> Settings:
    return Settings(queue=QueueSettings(queue_data=folder, queue_memory_bytes=2**24))


def test_a_full_server_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, list[str], list[str]]:
        async with open_embedded_queue(small_server(tmp_path)) as queue:
            taken = await fill(queue)
            return len(taken), await list_keys(queue, "job"), await list_keys(queue, "blob")

    taken, jobs, payloads = asyncio.run(scenario())

    assert taken > 0
    assert len(jobs) == taken
    assert len(payloads) == taken


def test_a_full_server_works_its_jobs_off(tmp_path: Path) -> None:
    async def answer(job: QueuedJob, report: ReportProgress) -> JobResult:
        return JobResult(b"done")

    async def scenario() -> tuple[set[JobState], JobState]:
        async with open_embedded_queue(small_server(tmp_path)) as queue:
            taken = await fill(queue)
            async with run_consumer(queue, answer):
                ended = {(await wait_until_final(queue, id)).state for id in taken}
            return ended, (await queue.enqueue(NewJob({}, payloads=(bytes(2**20),)))).state

    ended, state = asyncio.run(scenario())

    assert ended == {"done"}
    assert state == "queued"


def test_a_full_server_drops_old_dead_letters(tmp_path: Path) -> None:
    terms = JobTerms(attempts=1, dead_seconds=0)

    async def scenario() -> int:
        async with open_embedded_queue(small_server(tmp_path)) as queue:
            await queue.enqueue(NewJob({}, payloads=(b"\xff" * 2**20,)))
            leases = Leases(queue.scripts, terms)
            [job] = await leases.take(1)
            await leases.finish([JobOutcome.retry(job, {}, 0)])
            await fill(queue)
            await leases.sweep(0)
            return await DeadLetters(queue).count()

    assert asyncio.run(scenario()) == 0


def test_a_full_server_is_a_problem_of_its_own() -> None:
    problem = problem_for(QueueServerFull("no memory"))

    assert problem["type"] == "urn:kernelsight:problem:storage-full"
    assert problem["status"] == 507


def test_the_memory_of_a_server_that_runs_already_is_limited(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with (
            open_embedded_queue(Settings(queue=QueueSettings(queue_data=tmp_path))),
            open_embedded_queue(small_server(tmp_path)) as queue,
            queue.scripts.connection.command() as client,
        ):
            return int((await client.config_get("maxmemory"))["maxmemory"])

    assert asyncio.run(scenario()) == 2**24
