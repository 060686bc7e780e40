"""What happens to callers, and to the model, when a session breaks."""

import asyncio
import logging
import threading
import time

import numpy as np
import pytest

from models.errors import DeadlineExceeded, InferenceFailed, ModelCorrupt
from models.inference import Inference
from models.runtime.batcher import Batcher
from models.runtime.session_worker import Plan, SessionWorker, join, stack
from tests.models.fake_sessions import GIVE_UP_SECONDS, Sessions, ask, item, occupy, run, serving, until, value_of

# The supervisor looks four times in this time.
IMPATIENT = Plan(hang_seconds=0.2)


def test_a_bad_item_fails_alone_and_its_neighbours_are_answered() -> None:
    sessions = Sessions(bad=frozenset({2.0}))

    async def scenario() -> list[float | type]:
        async with serving(sessions, batch=4) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, 1, 2, 3, 4)
            sessions.gate.set()
            await busy
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(one) if isinstance(one, BaseException) else value_of(one) for one in outcomes]

    outcomes = run(scenario())

    assert (outcomes, sessions.opened) == ([1, InferenceFailed, 3, 4], 1)


@pytest.mark.parametrize("lifetimes", [(0,), (0, 1), (1, 1, 1)], ids=str)
def test_a_session_that_dies_is_opened_again_and_everybody_is_answered(lifetimes: tuple[int, ...]) -> None:
    sessions = Sessions(lifetimes=lifetimes)

    async def scenario() -> list[float]:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            tasks = await ask(batcher, 1, 2, 3)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, *tasks)]

    answers = run(scenario())

    assert (answers, sessions.opened) == ([1000, 1, 2, 3], len(lifetimes) + 1)


def test_an_item_that_kills_every_session_fails_alone() -> None:
    sessions = Sessions(bad=frozenset({2.0}), lifetimes=(1, 1, 1))

    async def scenario() -> list[float | type]:
        async with serving(sessions, batch=4) as batcher:
            outcomes = [await asyncio.gather(*await ask(batcher, value), return_exceptions=True) for value in (1, 2, 3)]
        return [type(one) if isinstance(one, BaseException) else value_of(one) for [one] in outcomes]

    assert run(scenario()) == [1, InferenceFailed, 3]


def test_a_session_that_hangs_is_replaced_and_only_its_own_caller_hears_of_it() -> None:
    sessions = Sessions(hanging={1})

    async def scenario() -> tuple[type, list[float], int]:
        async with serving(sessions, IMPATIENT) as batcher:
            [hung] = await ask(batcher, 1)
            await until(lambda: 1 in sessions.values)
            waiting = await ask(batcher, 2, 3)
            [error] = await asyncio.gather(hung, return_exceptions=True)
            answers = [value_of(answer) for answer in await asyncio.gather(*waiting)]
            await until(lambda: batcher.respawns > 0)
            return type(error), answers, batcher.respawns

    assert run(scenario()) == (InferenceFailed, [2, 3], 1)


def test_a_lane_that_was_given_up_neither_opens_a_session_nor_runs_its_item_again() -> None:
    sessions = Sessions(hanging={1})

    async def scenario() -> None:
        async with serving(sessions, IMPATIENT) as batcher:
            await asyncio.gather(*await ask(batcher, 1), return_exceptions=True)
            await until(lambda: batcher.respawns > 0)
            await until(lambda: sum(one.name == "lane fake" for one in threading.enumerate()) == 1)

    run(scenario())

    assert (sessions.opened, sessions.values) == (2, [1])


def test_other_lanes_serve_while_one_hangs() -> None:
    sessions = Sessions(hanging={1})

    async def scenario() -> tuple[float, int]:
        async with serving(sessions, lanes=2) as batcher:
            [hung] = await ask(batcher, 1)
            await until(lambda: 1 in sessions.values)
            answer = await batcher.infer(item(2))
            hung.cancel()
            await batcher.close(grace_seconds=0)
            return value_of(answer), batcher.respawns

    assert run(scenario()) == (2, 0)


class ReturnsTooLate(logging.Handler):
    """Lets the hung run of `lane` return, and the lane wait for work again, while it is being given up."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self.sessions = sessions
        self.lane: SessionWorker | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if "hangs" in record.getMessage() and self.lane is not None:
            self.sessions.gate.set()
            while self.lane.busy_since is not None:
                time.sleep(0.001)


def test_a_lane_that_returns_just_as_it_is_given_up_takes_no_request_along() -> None:
    sessions = Sessions()
    late = ReturnsTooLate(sessions)

    async def scenario() -> list[Inference | BaseException]:
        async with serving(sessions, IMPATIENT) as batcher:
            late.lane = batcher._lanes[0]
            busy = await occupy(batcher, sessions)
            await until(lambda: batcher.respawns > 0)
            return await asyncio.gather(busy, *await ask(batcher, 1, 2), return_exceptions=True)

    logger = logging.getLogger("models.runtime.batcher")
    logger.addHandler(late)
    try:
        outcomes = run(scenario())
    finally:
        logger.removeHandler(late)

    assert all(isinstance(one, Inference | InferenceFailed) for one in outcomes)


@pytest.mark.parametrize("reason", [ModelCorrupt("the file is gone"), OSError("too many open files")], ids=repr)
def test_a_model_that_cannot_be_opened_for_a_while_comes_back_when_it_can(reason: Exception) -> None:
    sessions = Sessions(lifetimes=(0,))

    async def scenario() -> tuple[type, float, int]:
        async with serving(sessions, IMPATIENT) as batcher:
            sessions.broken_file = reason
            [error] = await asyncio.gather(*await ask(batcher, 1), return_exceptions=True)
            [waits] = await ask(batcher, 2)
            await until(lambda: sessions.refused >= 3)  # by the lane itself, then by the supervisor
            sessions.broken_file = None
            answer = await waits
            await until(lambda: batcher.respawns > 0)
            return type(error), value_of(answer), batcher.respawns

    assert run(scenario()) == (InferenceFailed, 2, 1)


def test_a_bug_in_an_observer_costs_its_batch_and_not_the_model() -> None:
    sessions = Sessions()
    bugs = [ZeroDivisionError("an observer's bug")]

    def observe(record: object) -> None:
        if bugs:
            raise bugs.pop()

    async def scenario() -> tuple[type, float]:
        batcher = await Batcher.open("fake", sessions.open, [item(0)], IMPATIENT, observe)
        [error] = await asyncio.gather(*await ask(batcher, 1), return_exceptions=True)
        answer = await batcher.infer(item(2))
        await batcher.close(grace_seconds=GIVE_UP_SECONDS)
        return type(error), value_of(answer)

    assert run(scenario()) == (InferenceFailed, 2)


@pytest.mark.parametrize("is_stuck", [False, True])
def test_a_probe_tells_a_model_that_works_from_one_that_is_stuck(is_stuck: bool) -> None:
    sessions = Sessions()

    async def scenario() -> bool:
        async with serving(sessions) as batcher:
            busy = [await occupy(batcher, sessions)] if is_stuck else []
            deadline = asyncio.get_running_loop().time() + (0.05 if is_stuck else GIVE_UP_SECONDS)
            try:
                await batcher.probe(deadline=deadline)
            except DeadlineExceeded:
                return True
            finally:
                sessions.gate.set()
                await asyncio.gather(*busy)
            return False

    assert run(scenario()) == is_stuck


@pytest.mark.parametrize(
    ("plan", "sizes"),
    [
        (Plan(batch=1), (1,)),
        (Plan(batch=6), (1, 6)),
        (Plan(batch=1, pads=True), (1,)),
        (Plan(batch=8, pads=True), (1, 2, 4, 8)),
        (Plan(batch=6, pads=True), (1, 2, 4, 8)),
    ],
    ids=str,
)
def test_every_padded_size_is_warmed(plan: Plan, sizes: tuple[int, ...]) -> None:
    padded = {plan.padded(size) for size in range(1, plan.batch + 1)} if plan.pads else set()

    assert (plan.batch_sizes, padded <= set(sizes)) == (sizes, True)


@pytest.mark.parametrize("count", [1, 3])
def test_stacking_adds_a_batch_axis_in_front(count: int) -> None:
    items = [item(value) for value in range(count)]

    np.testing.assert_array_equal(stack(items)["x"], [[value, value] for value in range(count)])


@pytest.mark.parametrize(("counts", "rows"), [((1,), 1), ((3,), 4), ((2, 1), 3), ((2, 1), 4), ((1, 4, 2), 8)], ids=str)
def test_joining_keeps_the_order_and_repeats_the_last_row_where_some_are_missing(
    counts: tuple[int, ...], rows: int
) -> None:
    given = np.arange(2 * sum(counts), dtype=np.float32).reshape(-1, 2)
    blocks = [{"x": part} for part in np.split(given, np.cumsum(counts)[:-1])]
    wanted = np.concatenate([given, np.tile(given[-1], (rows - len(given), 1))])

    np.testing.assert_array_equal(join(blocks, rows=rows)["x"], wanted)


def test_joining_one_whole_block_copies_nothing() -> None:
    block = {"x": np.ones((3, 2), np.float32)}

    assert join([block], rows=3)["x"] is block["x"]
