"""What a caller of one model may rely on, while its sessions are well."""

import asyncio
from collections.abc import Callable
from time import monotonic

import numpy as np
import pytest
import uvloop

from models.errors import DeadlineExceeded, Overloaded, TensorRejected
from models.priority import PRIORITIES, Priority
from models.runtime.session import Array
from tests.models.fake_sessions import Sessions, ask, item, occupy, run, serving, until, value_of

Feeds = dict[str, Array]


def test_a_lone_request_is_run_at_once_and_alone() -> None:
    async def scenario() -> tuple[float, int]:
        async with serving(Sessions(), batch=8) as batcher:
            answer = await batcher.infer(item(5))
        return value_of(answer), answer.batch_size

    assert run(scenario()) == (5, 1)


@pytest.mark.parametrize("waiting", [1, 3, 4, 6])
def test_requests_that_arrive_while_the_session_is_busy_share_the_next_batch(waiting: int) -> None:
    sessions = Sessions()

    async def scenario() -> None:
        async with serving(sessions, batch=4) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, *range(1, waiting + 1))
            sessions.gate.set()
            await asyncio.gather(busy, *tasks)

    run(scenario())

    assert sessions.sizes == [1, min(waiting, 4)] + [waiting - 4] * (waiting > 4)


def test_items_of_different_shape_are_run_apart() -> None:
    sessions = Sessions()

    async def scenario() -> list[float]:
        async with serving(sessions, batch=8) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = [asyncio.create_task(batcher.infer(item(value, size=2 + value % 2))) for value in range(1, 6)]
            await asyncio.sleep(0)
            sessions.gate.set()
            await busy
            return [value_of(answer) for answer in await asyncio.gather(*tasks)]

    answers = run(scenario())

    assert (answers, sessions.sizes) == ([1, 2, 3, 4, 5], [1, 3, 2])


@pytest.mark.parametrize(("waiting", "padded"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_batches_are_padded_to_powers_of_two_where_the_plan_says_so(waiting: int, padded: int) -> None:
    sessions = Sessions()

    async def scenario() -> list[tuple[float, int]]:
        async with serving(sessions, batch=8, pads=True) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, *range(1, waiting + 1))
            sessions.gate.set()
            await busy
            return [(value_of(answer), answer.batch_size) for answer in await asyncio.gather(*tasks)]

    answers = run(scenario())

    assert (answers, sessions.sizes) == ([(value, waiting) for value in range(1, waiting + 1)], [1, padded])


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_full_line_is_overloaded_until_somebody_leaves_it(priority: Priority) -> None:
    sessions = Sessions()

    async def scenario() -> list[float]:
        async with serving(sessions, queue=2) as batcher:
            busy = await occupy(batcher, sessions)
            first, second = (asyncio.create_task(batcher.infer(item(value), priority=priority)) for value in (1, 2))
            await until(lambda: batcher.depth(priority) == 2)
            with pytest.raises(Overloaded):
                await batcher.infer(item(3), priority=priority)
            first.cancel()
            await until(lambda: batcher.depth(priority) == 1)
            third = asyncio.create_task(batcher.infer(item(4), priority=priority))
            await asyncio.sleep(0)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, second, third)]

    answers = run(scenario())

    assert (answers, sessions.values) == ([1000, 2, 4], [1000, 2, 4])


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.02])
def test_a_request_that_waits_past_its_deadline_is_told_so_and_never_run(
    seconds: float, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    sessions = Sessions()

    async def scenario() -> int:
        async with serving(sessions) as batcher:
            busy = await occupy(batcher, sessions)
            with pytest.raises(DeadlineExceeded):
                await batcher.infer(item(7), deadline=monotonic() + seconds)
            waiting = batcher.depth("interactive")
            sessions.gate.set()
            await busy
            await batcher.infer(item(8))
        return waiting

    with asyncio.Runner(loop_factory=new_loop) as runner:
        waiting = runner.run(scenario())

    assert (waiting, sessions.values) == (0, [1000, 8])


def test_a_deadline_that_passes_during_the_run_ends_the_wait_and_hurts_nobody_else() -> None:
    sessions = Sessions()

    async def scenario() -> float:
        async with serving(sessions) as batcher:
            sessions.gate.clear()
            with pytest.raises(DeadlineExceeded):
                await batcher.infer(item(7), deadline=monotonic() + 0.02)
            sessions.gate.set()
            return value_of(await batcher.infer(item(8)))

    assert run(scenario()) == 8


def test_a_request_that_is_cancelled_while_it_waits_is_never_run() -> None:
    sessions = Sessions()

    async def scenario() -> None:
        async with serving(sessions) as batcher:
            busy = await occupy(batcher, sessions)
            gone, stays = await ask(batcher, 1, 2)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            sessions.gate.set()
            await asyncio.gather(busy, stays)

    run(scenario())

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
def test_a_tensor_that_breaks_the_contract_is_refused_and_its_neighbours_are_answered(wrong: Feeds) -> None:
    sessions = Sessions()

    async def scenario() -> list[float]:
        async with serving(sessions, batch=4) as batcher:
            busy = await occupy(batcher, sessions)
            [before] = await ask(batcher, 1)
            with pytest.raises(TensorRejected, match="fake"):
                await batcher.infer(wrong)
            [after] = await ask(batcher, 2)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, before, after)]

    answers = run(scenario())

    assert (answers, sessions.sizes) == ([1000, 1, 2], [1, 2])


def test_the_observer_hears_of_every_batch() -> None:
    sessions = Sessions(bad=frozenset({2.0}))

    async def scenario() -> None:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, 1, 2)
            sessions.gate.set()
            await asyncio.gather(busy, *tasks, return_exceptions=True)

    run(scenario())

    assert [(one.size, one.failed) for one in sessions.records] == [(1, False), (2, True), (1, False), (1, True)]


def test_an_answer_counts_as_a_sign_of_life() -> None:
    async def scenario() -> bool:
        async with serving(Sessions()) as batcher:
            opened = batcher.last_done
            await batcher.infer(item(1))
            return batcher.last_done > opened

    assert run(scenario())


def test_a_record_tells_who_waited_how_long_and_why_the_batch_was_no_larger() -> None:
    sessions = Sessions()

    asked: list[Priority] = ["interactive", "batch", "batch"]

    async def scenario() -> list[float]:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = [
                asyncio.create_task(batcher.infer(item(value), priority=priority))
                for value, priority in enumerate(asked, 1)
            ]
            await asyncio.sleep(0)
            sessions.gate.set()
            return [one.wait_seconds for one in await asyncio.gather(busy, *tasks)]

    first, *waits = run(scenario())

    assert [(one.size, one.release, list(one.waits)) for one in sessions.records] == [
        (1, "free", [("interactive", first)]),
        (2, "full", [("interactive", waits[0]), ("batch", waits[1])]),
        (1, "free", [("batch", waits[2])]),
    ]


def test_a_lane_counts_as_busy_while_it_runs_a_batch() -> None:
    sessions = Sessions()

    async def scenario() -> tuple[int, int]:
        async with serving(sessions, lanes=2) as batcher:
            busy = await occupy(batcher, sessions)
            counts = batcher.busy, batcher.lanes
            sessions.gate.set()
            await busy
            return counts

    assert run(scenario()) == (1, 2)
