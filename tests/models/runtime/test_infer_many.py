"""Guarantees to a caller of `infer_many`: blocks of rows that share batches with those of other callers."""

import asyncio
from time import monotonic

import numpy as np
import pytest

from models.errors import DeadlineExceeded, InferenceFailed, Overloaded, TensorRejected
from models.inference import Inference
from models.priority import PRIORITIES, Priority
from tests.models.blocks import Feeds, block, start_calls, values_of
from tests.models.fake_sessions import (
    FakeSessions,
    item,
    occupy_worker,
    open_batcher,
    run_scenario,
    send_requests,
    value_of,
)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 8, 23])
def test_answers_come_back_in_order_however_many_blocks_they_took(rows: int, pads: bool, workers: int) -> None:
    sessions = FakeSessions()

    async def scenario() -> Inference:
        async with open_batcher(sessions, max_batch=4, pads=pads, workers=workers) as batcher:
            return await batcher.infer_many(block(*range(1, rows + 1)))

    answer = run_scenario(scenario())

    assert values_of(answer) == list(range(1, rows + 1))
    assert answer.outputs["y"].shape == (rows, 2)


def test_blocks_and_single_items_share_a_batch() -> None:
    sessions = FakeSessions()

    async def scenario() -> list[list[float]]:
        async with open_batcher(sessions, max_batch=8) as batcher:
            busy = await occupy_worker(batcher, sessions)
            [first] = await send_requests(batcher, 1)
            blocks = await start_calls(batcher.infer_many(block(2, 3)), batcher.infer_many(block(4, 5, 6)))
            [last] = await send_requests(batcher, 7)
            sessions.gate.set()
            await busy
            return [[value_of(await first)], *[values_of(await one) for one in blocks], [value_of(await last)]]

    answers = run_scenario(scenario())

    assert answers == [[1], [2, 3], [4, 5, 6], [7]]
    assert sessions.sizes == [1, 7]


def test_a_block_that_does_not_fit_is_not_overtaken() -> None:
    sessions = FakeSessions()

    async def scenario() -> None:
        async with open_batcher(sessions, max_batch=4) as batcher:
            busy = await occupy_worker(batcher, sessions)
            blocks = await start_calls(batcher.infer_many(block(1, 2, 3)), batcher.infer_many(block(4, 5)))
            [last] = await send_requests(batcher, 6)
            sessions.gate.set()
            await asyncio.gather(busy, *blocks, last)

    run_scenario(scenario())

    assert sessions.sizes == [1, 3, 3]
    assert sessions.values == [1000, 1, 2, 3, 4, 5, 6]


def test_blocks_of_different_shapes_run_in_separate_batches() -> None:
    sessions = FakeSessions()

    async def scenario() -> list[list[float]]:
        async with open_batcher(sessions, max_batch=8) as batcher:
            busy = await occupy_worker(batcher, sessions)
            calls = (batcher.infer_many(block(value, value + 1, size=2 + value % 2)) for value in (1, 4, 7))
            blocks = await start_calls(*calls)
            sessions.gate.set()
            await busy
            return [values_of(await one) for one in blocks]

    answers = run_scenario(scenario())

    assert answers == [[1, 2], [4, 5], [7, 8]]
    assert sessions.sizes == [1, 4, 2]


@pytest.mark.parametrize(("rows", "padded"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_padding_repeats_the_last_row_but_is_not_returned(rows: int, padded: int) -> None:
    sessions = FakeSessions()

    async def scenario() -> Inference:
        async with open_batcher(sessions, max_batch=8, pads=True) as batcher:
            return await batcher.infer_many(block(*range(1, rows + 1)))

    answer = run_scenario(scenario())

    asked = list(range(1, rows + 1))
    assert values_of(answer) == asked
    assert answer.batch_size == rows
    assert sessions.values == asked + [rows] * (padded - rows)


WRONG: dict[str, Feeds] = {
    "nothing": {},
    "no axes": {"x": np.ones((), np.float32)},
    "no rows": {"x": np.ones((0, 2), np.float32)},
    "dtype": {"x": np.ones((3, 2), np.float64)},
    "size": {"x": np.ones((3, 4), np.float32)},
    "no leading axis": {"x": np.ones(2, np.float32)},
    "one axis too many": {"x": np.ones((3, 1, 2), np.float32)},
    "name": {"z": np.ones((3, 2), np.float32)},
    "one too many": {"x": np.ones((3, 2), np.float32), "z": np.ones((3, 2), np.float32)},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_rows_that_break_the_contract_are_refused_alone(wrong: Feeds) -> None:
    sessions = FakeSessions()

    async def scenario() -> tuple[list[float], int]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            [before] = await start_calls(batcher.infer_many(block(1, 2)))
            with pytest.raises(TensorRejected, match="fake"):
                await batcher.infer_many(wrong)
            depth = batcher.queue.depth("interactive")
            sessions.gate.set()
            await busy
            return values_of(await before), depth

    values, depth = run_scenario(scenario())

    assert values == [1, 2]
    assert depth == 1


def test_a_block_that_fails_fails_its_own_caller_alone() -> None:
    sessions = FakeSessions(bad=frozenset({2.0}))

    async def scenario() -> list[list[float] | type]:
        async with open_batcher(sessions, max_batch=8) as batcher:
            busy = await occupy_worker(batcher, sessions)
            calls = (batcher.infer_many(block(*values)) for values in ((1, 2), (3, 4), (5,)))
            blocks = await start_calls(*calls)
            sessions.gate.set()
            await busy
            outcomes = await asyncio.gather(*blocks, return_exceptions=True)
        return [type(one) if isinstance(one, BaseException) else values_of(one) for one in outcomes]

    assert run_scenario(scenario()) == [InferenceFailed, [3, 4], [5]]


def test_one_bad_block_fails_the_call_and_removes_its_other_blocks() -> None:
    sessions = FakeSessions(bad=frozenset({3.0}))

    async def scenario() -> tuple[int, list[float]]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            with pytest.raises(InferenceFailed):
                await batcher.infer_many(block(*range(1, 41)))
            depth = batcher.queue.depth("interactive")
            return depth, values_of(await batcher.infer_many(block(51, 52, 53)))

    depth, values = run_scenario(scenario())

    assert depth == 0
    assert values == [51, 52, 53]


@pytest.mark.parametrize("seconds", [-1.0, 0.02])
def test_rows_past_their_deadline_are_never_run(seconds: float) -> None:
    sessions = FakeSessions()

    async def scenario() -> int:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            with pytest.raises(DeadlineExceeded):
                await batcher.infer_many(block(1, 2, 3, 4, 5), deadline=monotonic() + seconds)
            depth = batcher.queue.depth("interactive")
            sessions.gate.set()
            await busy
            await batcher.infer_many(block(8, 9))
        return depth

    depth = run_scenario(scenario())

    assert depth == 0
    assert sessions.values == [1000, 8, 9]


def test_a_cancelled_call_removes_all_its_blocks_from_the_queue() -> None:
    sessions = FakeSessions()

    async def scenario() -> tuple[int, int]:
        async with open_batcher(sessions, max_batch=2) as batcher:
            busy = await occupy_worker(batcher, sessions)
            gone, stays = await start_calls(batcher.infer_many(block(1, 2, 3, 4, 5)), batcher.infer_many(block(6, 7)))
            before = batcher.queue.depth("interactive")
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            after = batcher.queue.depth("interactive")
            sessions.gate.set()
            await asyncio.gather(busy, stays)
        return before, after

    before, after = run_scenario(scenario())

    assert before == 4
    assert after == 1
    assert sessions.values == [1000, 6, 7]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_more_blocks_than_the_queue_takes_are_overloaded_and_all_removed(priority: Priority) -> None:
    sessions = FakeSessions()

    async def scenario() -> int:
        async with open_batcher(sessions, max_batch=2, queue_limit=3) as batcher:
            busy = await occupy_worker(batcher, sessions)
            with pytest.raises(Overloaded, match=priority):
                await batcher.infer_many(block(*range(1, 9)), priority=priority)
            depth = batcher.queue.depth(priority)
            sessions.gate.set()
            await busy
        return depth

    depth = run_scenario(scenario())

    assert depth == 0
    assert sessions.values == [1000]


def test_only_answers_of_infer_many_have_a_leading_axis() -> None:
    async def scenario() -> list[tuple[int, ...]]:
        async with open_batcher(FakeSessions(), max_batch=4) as batcher:
            answers = [await batcher.infer(item(1)), await batcher.infer_many(block(1))]
        return [answer.outputs["y"].shape for answer in answers]

    assert run_scenario(scenario()) == [(2,), (1, 2)]
