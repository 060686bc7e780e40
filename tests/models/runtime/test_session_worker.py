"""When a session fails, callers get their own errors and the model recovers."""

import asyncio
import logging
import os
import sys
import threading
import time

import numpy as np
import pytest

from models.errors import DeadlineExceeded, InferenceFailed, ModelCorrupt
from models.inference import BatchRecord, Inference
from models.runtime.batcher import Batcher
from models.runtime.session_worker import BatchPlan, SessionWorker, join_blocks, stack_items
from tests.models.fake_sessions import (
    GIVE_UP_SECONDS,
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

# The supervisor checks four times in this time.
IMPATIENT = BatchPlan(hang_seconds=0.2)


def test_a_bad_item_fails_alone_and_its_neighbours_are_answered() -> None:
    sessions = FakeSessions(bad=frozenset({2.0}))

    async def scenario() -> list[float | type]:
        async with open_batcher(sessions, max_batch=4) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, 1, 2, 3, 4)
            sessions.gate.set()
            await busy
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(one) if isinstance(one, BaseException) else value_of(one) for one in outcomes]

    outcomes = run_scenario(scenario())

    assert outcomes == [1, InferenceFailed, 3, 4]
    assert sessions.opened == 1


@pytest.mark.parametrize("lifetimes", [(0,), (0, 1), (1, 1, 1)], ids=str)
def test_a_dead_session_is_reopened_and_every_caller_answered(lifetimes: tuple[int, ...]) -> None:
    sessions = FakeSessions(lifetimes=lifetimes)

    async def scenario() -> list[float]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            tasks = await send_requests(batcher, 1, 2, 3)
            sessions.gate.set()
            return [value_of(answer) for answer in await asyncio.gather(busy, *tasks)]

    answers = run_scenario(scenario())

    assert answers == [1000, 1, 2, 3]
    assert sessions.opened == len(lifetimes) + 1


def test_an_item_that_kills_every_session_fails_alone() -> None:
    sessions = FakeSessions(bad=frozenset({2.0}), lifetimes=(1, 1, 1))

    async def scenario() -> list[float | type]:
        async with open_batcher(sessions, max_batch=4) as batcher:
            outcomes = [
                await asyncio.gather(*await send_requests(batcher, value), return_exceptions=True)
                for value in (1, 2, 3)
            ]
        return [type(one) if isinstance(one, BaseException) else value_of(one) for [one] in outcomes]

    assert run_scenario(scenario()) == [1, InferenceFailed, 3]


def test_a_hung_session_is_replaced_and_fails_only_its_own_caller() -> None:
    sessions = FakeSessions(hanging={1})

    async def scenario() -> tuple[object, list[float], int]:
        async with open_batcher(sessions, IMPATIENT) as batcher:
            [hung] = await send_requests(batcher, 1)
            await wait_until(lambda: 1 in sessions.values)
            waiting = await send_requests(batcher, 2, 3)
            [error] = await asyncio.gather(hung, return_exceptions=True)
            answers = [value_of(answer) for answer in await asyncio.gather(*waiting)]
            await wait_until(lambda: batcher.respawns > 0)
            return error, answers, batcher.respawns

    error, answers, respawns = run_scenario(scenario())

    assert isinstance(error, InferenceFailed)
    assert answers == [2, 3]
    assert respawns == 1


def test_a_start_that_hangs_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    def hang() -> FakeSession:
        release.wait(GIVE_UP_SECONDS)
        return FakeSessions().open()

    async def scenario() -> None:
        try:
            await Batcher.open("never ready", hang, [item(0)], IMPATIENT)
        finally:
            release.set()

    with pytest.raises(InferenceFailed, match="'never ready': its session hangs while it opens"):
        run_scenario(scenario())

    assert "'never ready': its session hangs" in caplog.text


def test_a_warm_up_that_hangs_is_stopped() -> None:
    sessions = FakeSessions(hanging={1})

    async def scenario() -> None:
        await Batcher.open("never warm", sessions.open, [item(1)], IMPATIENT)

    with pytest.raises(InferenceFailed, match="hangs"):
        run_scenario(scenario())

    assert not any(thread.name == "session worker never warm" for thread in threading.enumerate())


def test_an_abandoned_worker_neither_reopens_its_session_nor_reruns_its_item() -> None:
    sessions = FakeSessions(hanging={1})

    async def scenario() -> None:
        async with open_batcher(sessions, IMPATIENT) as batcher:
            await asyncio.gather(*await send_requests(batcher, 1), return_exceptions=True)
            await wait_until(lambda: batcher.respawns > 0)
            await wait_until(lambda: sum(one.name == "session worker fake" for one in threading.enumerate()) == 1)

    run_scenario(scenario())

    assert sessions.opened == 2
    assert sessions.values == [1]


def test_other_workers_serve_while_one_hangs() -> None:
    sessions = FakeSessions(hanging={1})

    async def scenario() -> tuple[float, int]:
        async with open_batcher(sessions, workers=2) as batcher:
            [hung] = await send_requests(batcher, 1)
            await wait_until(lambda: 1 in sessions.values)
            answer = await batcher.infer(item(2))
            hung.cancel()
            await batcher.close(grace_seconds=0)
            return value_of(answer), batcher.respawns

    value, respawns = run_scenario(scenario())

    assert value == 2
    assert respawns == 0


class ReturnsTooLate(logging.Handler):
    """While a hung worker is being abandoned, lets its run return, so that it waits for work again."""

    def __init__(self, sessions: FakeSessions) -> None:
        super().__init__()
        self.sessions = sessions
        self.worker: SessionWorker | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if "hangs" in record.getMessage() and self.worker is not None:
            self.sessions.gate.set()
            while self.worker.busy_since is not None:
                time.sleep(0.001)


def test_a_worker_that_returns_while_abandoned_loses_no_request() -> None:
    sessions = FakeSessions()
    late = ReturnsTooLate(sessions)

    async def scenario() -> list[Inference | BaseException]:
        async with open_batcher(sessions, IMPATIENT) as batcher:
            late.worker = batcher._workers[0]
            busy = await occupy_worker(batcher, sessions)
            await wait_until(lambda: batcher.respawns > 0)
            return await asyncio.gather(busy, *await send_requests(batcher, 1, 2), return_exceptions=True)

    logger = logging.getLogger("models.runtime.batcher")
    logger.addHandler(late)
    try:
        outcomes = run_scenario(scenario())
    finally:
        logger.removeHandler(late)

    assert all(isinstance(one, Inference | InferenceFailed) for one in outcomes)


@pytest.mark.parametrize("reason", [ModelCorrupt("the file is gone"), OSError("too many open files")], ids=repr)
def test_a_model_that_cannot_be_reopened_recovers_when_it_can(reason: Exception) -> None:
    sessions = FakeSessions(lifetimes=(0,))

    async def scenario() -> tuple[object, float, int]:
        async with open_batcher(sessions, IMPATIENT) as batcher:
            sessions.broken_file = reason
            [error] = await asyncio.gather(*await send_requests(batcher, 1), return_exceptions=True)
            [waits] = await send_requests(batcher, 2)
            await wait_until(lambda: sessions.refused >= 3)  # by the worker itself, then by the supervisor
            sessions.broken_file = None
            answer = await waits
            await wait_until(lambda: batcher.respawns > 0)
            return error, value_of(answer), batcher.respawns

    error, value, respawns = run_scenario(scenario())

    assert isinstance(error, InferenceFailed)
    assert value == 2
    assert respawns == 1


def test_a_bug_in_an_observer_costs_only_its_batch() -> None:
    sessions = FakeSessions()
    bugs = [ZeroDivisionError("an observer's bug")]

    def observe(record: object) -> None:
        if bugs:
            raise bugs.pop()

    async def scenario() -> tuple[object, float]:
        batcher = await Batcher.open("fake", sessions.open, [item(0)], IMPATIENT, observe)
        [error] = await asyncio.gather(*await send_requests(batcher, 1), return_exceptions=True)
        answer = await batcher.infer(item(2))
        await batcher.close(grace_seconds=GIVE_UP_SECONDS)
        return error, value_of(answer)

    error, value = run_scenario(scenario())

    assert isinstance(error, InferenceFailed)
    assert value == 2


@pytest.mark.parametrize("is_stuck", [False, True])
def test_a_probe_detects_a_stuck_model(is_stuck: bool) -> None:
    sessions = FakeSessions()

    async def scenario() -> bool:
        async with open_batcher(sessions) as batcher:
            busy = [await occupy_worker(batcher, sessions)] if is_stuck else []
            deadline = asyncio.get_running_loop().time() + (0.05 if is_stuck else GIVE_UP_SECONDS)
            try:
                await batcher.probe(deadline=deadline)
            except DeadlineExceeded:
                return True
            finally:
                sessions.gate.set()
                await asyncio.gather(*busy)
            return False

    assert run_scenario(scenario()) == is_stuck


@pytest.mark.parametrize(
    ("plan", "sizes"),
    [
        (BatchPlan(max_batch=1), (1,)),
        (BatchPlan(max_batch=6), (1, 6)),
        (BatchPlan(max_batch=1, pads=True), (1,)),
        (BatchPlan(max_batch=8, pads=True), (1, 2, 4, 8)),
        (BatchPlan(max_batch=6, pads=True), (1, 2, 4, 8)),
    ],
    ids=str,
)
def test_every_padded_size_is_warmed(plan: BatchPlan, sizes: tuple[int, ...]) -> None:
    padded = {plan.padded_size(size) for size in range(1, plan.max_batch + 1)} if plan.pads else set()

    assert plan.batch_sizes == sizes
    assert padded <= set(sizes)


@pytest.mark.parametrize("count", [1, 3])
def test_stacking_adds_a_batch_axis_in_front(count: int) -> None:
    items = [item(value) for value in range(count)]

    np.testing.assert_array_equal(stack_items(items)["x"], [[value, value] for value in range(count)])


@pytest.mark.parametrize(("counts", "rows"), [((1,), 1), ((3,), 4), ((2, 1), 3), ((2, 1), 4), ((1, 4, 2), 8)], ids=str)
def test_joining_keeps_the_order_and_pads_with_the_last_row(counts: tuple[int, ...], rows: int) -> None:
    given = np.arange(2 * sum(counts), dtype=np.float32).reshape(-1, 2)
    blocks = [{"x": part} for part in np.split(given, np.cumsum(counts)[:-1])]
    wanted = np.concatenate([given, np.tile(given[-1], (rows - len(given), 1))])

    np.testing.assert_array_equal(join_blocks(blocks, rows=rows)["x"], wanted)


def test_joining_one_whole_block_copies_nothing() -> None:
    block = {"x": np.ones((3, 2), np.float32)}

    assert join_blocks([block], rows=3)["x"] is block["x"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere priorities belong to processes")
@pytest.mark.parametrize("gives_way", [False, True])
def test_the_system_prefers_other_threads_to_sessions_that_give_way(gives_way: bool) -> None:
    own, found = os.getpriority(os.PRIO_PROCESS, 0), list[int]()

    def note_priority(record: BatchRecord) -> None:
        """Called on the worker's thread."""
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    async def scenario() -> None:
        plan = BatchPlan(gives_way=gives_way)
        batcher = await Batcher.open("fake", FakeSessions().open, [item(0)], plan, note_priority)
        try:
            await batcher.infer(item(1))
        finally:
            await batcher.close(grace_seconds=GIVE_UP_SECONDS)

    run_scenario(scenario())

    assert [priority > own for priority in found] == [gives_way]
