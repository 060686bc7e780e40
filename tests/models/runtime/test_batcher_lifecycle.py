"""How a batcher opens, warm or not at all, and how it closes on those who still wait."""

import asyncio
import threading

import pytest

from models.errors import InferenceFailed, ModelCorrupt, Overloaded
from models.runtime.batcher import Batcher
from models.runtime.session import Array
from models.runtime.session_worker import Plan
from tests.models.fake_sessions import (
    GIVE_UP_SECONDS,
    PROBES,
    FakeSession,
    Sessions,
    ask,
    item,
    occupy,
    run,
    serving,
    until,
    value_of,
)


@pytest.mark.parametrize(("pads", "sizes"), [(False, [1, 4]), (True, [1, 2, 4])])
def test_every_lane_has_run_every_shape_and_size_before_the_first_request(pads: bool, sizes: list[int]) -> None:
    sessions = Sessions()

    async def scenario() -> list[tuple[int, ...]]:
        async with serving(sessions, lanes=2, batch=4, pads=pads):
            return list(sessions.warmed)

    assert run(scenario()) == [(size, width) for _ in range(2) for width in (2, 3) for size in sizes]


def lanes_of(model: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"lane {model}"]


def test_a_model_that_cannot_run_does_not_open() -> None:
    probes: list[dict[str, Array]] = [item(13)]

    async def scenario() -> None:
        await Batcher.open("unwell", Sessions(bad=frozenset({13.0})).open, probes, Plan())

    with pytest.raises(InferenceFailed, match="cannot do"):
        run(scenario())


def test_when_one_lane_does_not_open_the_others_end() -> None:
    sessions, one_by_one = Sessions(), threading.Lock()

    def open_once() -> FakeSession:
        with one_by_one:
            session = sessions.open()
            sessions.broken_file = ModelCorrupt("the file is gone")
        return session

    async def scenario() -> None:
        with pytest.raises(ModelCorrupt):
            await Batcher.open("half open", open_once, PROBES, Plan(lanes=2))
        await until(lambda: not lanes_of("half open"))

    run(scenario())

    assert sessions.opened == 1


def test_closing_serves_those_who_wait_and_refuses_newcomers() -> None:
    sessions = Sessions()

    async def scenario() -> list[float]:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, 1, 2, 3)
            closing = asyncio.create_task(batcher.close(grace_seconds=GIVE_UP_SECONDS))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await batcher.infer(item(4))
            sessions.gate.set()
            await closing
            return [value_of(answer) for answer in await asyncio.gather(busy, *tasks)]

    assert run(scenario()) == [1000, 1, 2, 3]


def test_closing_past_its_grace_fails_those_who_run_and_those_who_wait() -> None:
    sessions = Sessions(hanging={1})

    async def scenario() -> list[type]:
        async with serving(sessions) as batcher:
            tasks = await ask(batcher, 1)
            await until(lambda: 1 in sessions.values)
            tasks += await ask(batcher, 2, 3)
            await batcher.close(grace_seconds=0.02)
            return [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]

    assert run(scenario()) == [InferenceFailed] * 3


def test_closing_at_the_moment_when_callers_leave_still_answers_the_others() -> None:
    sessions = Sessions()

    async def scenario() -> list[type]:
        async with serving(sessions) as batcher:
            busy = await occupy(batcher, sessions)
            leaves, stays = await ask(batcher, 1, 2)
            leaves.cancel()
            await batcher.close(grace_seconds=0)
            return [type(one) for one in await asyncio.gather(busy, leaves, stays, return_exceptions=True)]

    assert run(scenario()) == [InferenceFailed, asyncio.CancelledError, InferenceFailed]


def test_no_thread_is_left_of_a_batcher_that_was_closed() -> None:
    async def scenario() -> int:
        batcher = await Batcher.open("closing", Sessions().open, PROBES, Plan(lanes=3))
        opened = len(lanes_of("closing"))
        await batcher.close(grace_seconds=GIVE_UP_SECONDS)
        return opened - len(lanes_of("closing"))

    assert run(scenario()) == 3
