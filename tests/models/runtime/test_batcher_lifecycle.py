"""A batcher opens warm or not at all, and closes on callers that still wait."""

import asyncio
import threading

import pytest

from models.arrays import Array
from models.errors import InferenceFailed, ModelCorrupt, Overloaded
from models.runtime.batcher import Batcher
from models.runtime.session_worker import BatchPlan
from tests.models.fake_sessions import (
    GIVE_UP_SECONDS,
    PROBES,
    FakeSession,
    FakeSessions,
    item,
    occupy_worker,
    open_batcher,
    run_scenario,
    send_requests,
    value_of,
    wait_until,
)


@pytest.mark.parametrize(("pads", "sizes"), [(False, [1, 4]), (True, [1, 2, 4])])
def test_every_worker_is_warmed_with_every_shape_and_size(pads: bool, sizes: list[int]) -> None:
    sessions = FakeSessions()

    async def scenario() -> list[tuple[int, ...]]:
        async with open_batcher(sessions, workers=2, max_batch=4, pads=pads):
            return list(sessions.warmed)

    assert run_scenario(scenario()) == [(size, width) for _ in range(2) for width in (2, 3) for size in sizes]


def worker_threads(model: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"session worker {model}"]


def test_a_model_that_cannot_run_does_not_open() -> None:
    probes: list[dict[str, Array]] = [item(13)]

    async def scenario() -> None:
        await Batcher.open("unwell", FakeSessions(bad=frozenset({13.0})).open, probes, BatchPlan())

    with pytest.raises(InferenceFailed, match="cannot do"):
        run_scenario(scenario())


def test_when_one_worker_does_not_open_the_others_end() -> None:
    sessions, one_by_one = FakeSessions(), threading.Lock()

    def open_once() -> FakeSession:
        with one_by_one:
            session = sessions.open()
            sessions.broken_file = ModelCorrupt("the file is gone")
        return session

    async def scenario() -> None:
        with pytest.raises(ModelCorrupt):
            await Batcher.open("half open", open_once, PROBES, BatchPlan(workers=2))
        await wait_until(lambda: not worker_threads("half open"))

    run_scenario(scenario())

    assert sessions.opened == 1


def test_closing_serves_queued_requests_and_refuses_new_ones() -> None:
    sessions = FakeSessions()

    async def scenario() -> list[float]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, 1, 2, 3)
            closing = asyncio.create_task(batcher.close(grace_seconds=GIVE_UP_SECONDS))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await batcher.infer(item(4))
            sessions.gate.set()
            await closing
            return [value_of(answer) for answer in await asyncio.gather(busy, *tasks)]

    assert run_scenario(scenario()) == [1000, 1, 2, 3]


def test_closing_past_its_grace_fails_running_and_queued_requests() -> None:
    sessions = FakeSessions(hanging={1})

    async def scenario() -> list[type]:
        async with open_batcher(sessions) as batcher:
            tasks = await send_requests(batcher, 1)
            await wait_until(lambda: 1 in sessions.values)
            tasks += await send_requests(batcher, 2, 3)
            await batcher.close(grace_seconds=0.02)
            return [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]

    assert run_scenario(scenario()) == [InferenceFailed] * 3


def test_closing_while_callers_leave_still_answers_the_others() -> None:
    sessions = FakeSessions()

    async def scenario() -> list[type]:
        async with open_batcher(sessions) as batcher:
            busy = await occupy_worker(batcher, sessions)
            leaves, stays = await send_requests(batcher, 1, 2)
            leaves.cancel()
            await batcher.close(grace_seconds=0)
            return [type(one) for one in await asyncio.gather(busy, leaves, stays, return_exceptions=True)]

    assert run_scenario(scenario()) == [InferenceFailed, asyncio.CancelledError, InferenceFailed]


def test_a_closed_batcher_leaves_no_thread() -> None:
    async def scenario() -> int:
        batcher = await Batcher.open("closing", FakeSessions().open, PROBES, BatchPlan(workers=3))
        opened = len(worker_threads("closing"))
        await batcher.close(grace_seconds=GIVE_UP_SECONDS)
        return opened - len(worker_threads("closing"))

    assert run_scenario(scenario()) == 3
