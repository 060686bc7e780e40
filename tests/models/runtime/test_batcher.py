"""Guarantees to the callers of one model while its sessions work."""

import asyncio
from collections.abc import Callable
from time import monotonic

import numpy as np
import pytest
import uvloop

from models.arrays import Array
from models.errors import DeadlineExceeded, Overloaded, TensorRejected
from models.priority import PRIORITIES, Priority
from tests.models.fake_sessions import (
    FakeSessions,
    item,
    occupy_worker,
    open_batcher,
    run_scenario,
    send_requests,
    value_of,
    wait_until,
)

Feeds = dict[str, Array]


def test_a_lone_request_is_run_at_once_and_alone() -> None:
    async def scenario() -> tuple[float, int]:
        async with open_batcher(FakeSessions(), max_batch=8) as batcher:
            answer = await batcher.infer(item(5))
        return value_of(answer), answer.batch_size

    value, batch_size = run_scenario(scenario())

    assert value == 5
    assert batch_size == 1


@pytest.mark.parametrize("waiting", [1, 3, 4, 6])
def test_requests_that_arrive_during_a_run_share_the_next_batch(waiting: int) -> None:
    sessions = FakeSessions()

    async def scenario() -> None:
        async with open_batcher(sessions, max_batch=4) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, *range(1, waiting + 1))
            sessions.gate.set()
            await asyncio.gather(busy, *tasks)

    run_scenario(scenario())

    assert sessions.sizes == [1, min(waiting, 4)] + [waiting - 4] * (waiting > 4)


def test_items_of_different_shapes_run_in_separate_batches() -> None:
    sessions = FakeSessions()

    async def scenario() -> list[float]:
        async with open_batcher(sessions, max_batch=8) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = [asyncio.create_task(batcher.infer(item(value, size=2 + value % 2))) for value in range(1, 6)]
            await asyncio.sleep(0)
            sessions.gate.set()
            await busy
            return [value_of(answer) for answer in await asyncio.gather(*tasks)]

    answers = run_scenario(scenario())

    assert answers == [1, 2, 3, 4, 5]
    assert sessions.sizes == [1, 3, 2]


@pytest.mark.parametrize(("waiting", "padded"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_batches_are_padded_to_powers_of_two_where_planned(waiting: int, padded: int) -> None:
    sessions = FakeSessions()

    async def scenario() -> list[tuple[float, int]]:
        async with open_batcher(sessions, max_batch=8, pads=True) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, *range(1, waiting + 1))
            sessions.gate.set()
            await busy
            return [(value_of(answer), answer.batch_size) for answer in await asyncio.gather(*tasks)]

    answers = run_scenario(scenario())

    assert answers == [(value, waiting) for value in range(1, waiting + 1)]
    assert sessions.sizes == [1, padded]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_full_queue_is_overloaded_until_a_request_leaves(priority: Priority) -> None:
    sessions = FakeSessions()

    async def scenario() -> list[float]:
        async with open_batcher(sessions, queue_limit=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            first, second = (asyncio.create_task(batcher.infer(item(value), priority=priority)) for value in (1, 2))
            await wait_until(lambda: batcher.queue.depth(priority) == 2)
            with pytest.raises(Overloaded):
                await batcher.infer(item(3), priority=priority)
            first.cancel()
            await wait_until(lambda: batcher.queue.depth(priority) == 1)
            third = asyncio.create_task(batcher.infer(item(4), priority=priority))
            await asyncio.sleep(0)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, second, third)]

    answers = run_scenario(scenario())

    assert answers == [1000, 2, 4]
    assert sessions.values == [1000, 2, 4]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.02])
def test_a_request_past_its_deadline_fails_and_never_runs(
    seconds: float, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    sessions = FakeSessions()

    async def scenario() -> int:
        async with open_batcher(sessions) as batcher:
            busy = await occupy_worker(batcher, sessions)
            with pytest.raises(DeadlineExceeded):
                await batcher.infer(item(7), deadline=monotonic() + seconds)
            waiting = batcher.queue.depth("interactive")
            sessions.gate.set()
            await busy
            await batcher.infer(item(8))
        return waiting

    with asyncio.Runner(loop_factory=new_loop) as runner:
        waiting = runner.run(scenario())

    assert waiting == 0
    assert sessions.values == [1000, 8]


def test_a_deadline_that_passes_during_the_run_affects_no_other_caller() -> None:
    sessions = FakeSessions()

    async def scenario() -> float:
        async with open_batcher(sessions) as batcher:
            sessions.gate.clear()
            with pytest.raises(DeadlineExceeded):
                await batcher.infer(item(7), deadline=monotonic() + 0.02)
            sessions.gate.set()
            return value_of(await batcher.infer(item(8)))

    assert run_scenario(scenario()) == 8


def test_a_request_cancelled_while_queued_never_runs() -> None:
    sessions = FakeSessions()

    async def scenario() -> None:
        async with open_batcher(sessions) as batcher:
            busy = await occupy_worker(batcher, sessions)
            gone, stays = await send_requests(batcher, 1, 2)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            sessions.gate.set()
            await asyncio.gather(busy, stays)

    run_scenario(scenario())

    assert sessions.values == [1000, 2]


WRONG: dict[str, Feeds] = {
    "dtype": {"x": np.ones(2, np.float64)},
    "size": {"x": np.ones(4, np.float32)},
    "rank": {"x": np.ones((1, 2), np.float32)},
    "name": {"z": np.ones(2, np.float32)},
    "nothing": {},
    "one too many": {"x": np.ones(2, np.float32), "z": np.ones(2, np.float32)},
    "an empty one too many": {"x": np.ones(2, np.float32), "z": np.ones((), np.float32)},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_tensor_that_breaks_the_contract_is_refused_alone(wrong: Feeds) -> None:
    sessions = FakeSessions()

    async def scenario() -> list[float]:
        async with open_batcher(sessions, max_batch=4) as batcher:
            busy = await occupy_worker(batcher, sessions)
            [before] = await send_requests(batcher, 1)
            with pytest.raises(TensorRejected, match="fake"):
                await batcher.infer(wrong)
            [after] = await send_requests(batcher, 2)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, before, after)]

    answers = run_scenario(scenario())

    assert answers == [1000, 1, 2]
    assert sessions.sizes == [1, 2]


def test_the_observer_gets_a_record_of_every_batch() -> None:
    sessions = FakeSessions(bad=frozenset({2.0}))

    async def scenario() -> None:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, 1, 2)
            sessions.gate.set()
            await asyncio.gather(busy, *tasks, return_exceptions=True)

    run_scenario(scenario())

    assert [(one.size, one.failed) for one in sessions.records] == [(1, False), (2, True), (1, False), (1, True)]


def test_an_answer_updates_the_time_of_last_progress() -> None:
    async def scenario() -> bool:
        async with open_batcher(FakeSessions()) as batcher:
            opened = batcher.last_done
            await batcher.infer(item(1))
            return batcher.last_done > opened

    assert run_scenario(scenario())


def test_a_batch_record_has_waits_and_the_release_reason() -> None:
    sessions = FakeSessions()

    asked: list[Priority] = ["interactive", "batch", "batch"]

    async def scenario() -> list[float]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = [
                asyncio.create_task(batcher.infer(item(value), priority=priority))
                for value, priority in enumerate(asked, 1)
            ]
            await asyncio.sleep(0)
            sessions.gate.set()
            return [one.wait_seconds for one in await asyncio.gather(busy, *tasks)]

    first, *waits = run_scenario(scenario())

    assert [(one.size, one.release_reason, list(one.waits)) for one in sessions.records] == [
        (1, "free", [("interactive", first)]),
        (2, "full", [("interactive", waits[0]), ("batch", waits[1])]),
        (1, "free", [("batch", waits[2])]),
    ]


def test_a_worker_counts_as_busy_while_it_runs_a_batch() -> None:
    sessions = FakeSessions()

    async def scenario() -> tuple[int, int]:
        async with open_batcher(sessions, workers=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            counts = batcher.busy, batcher.workers
            sessions.gate.set()
            await busy
            return counts

    busy, workers = run_scenario(scenario())

    assert busy == 1
    assert workers == 2
