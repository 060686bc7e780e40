"""What a caller with many items at once may rely on: blocks of rows that share batches with everyone else's."""

import asyncio
from time import monotonic

import numpy as np
import pytest

from models.errors import DeadlineExceeded, InferenceFailed, Overloaded, TensorRejected
from models.inference import Inference
from models.priority import PRIORITIES, Priority
from tests.models.blocks import Feeds, block, started, values_of
from tests.models.fake_sessions import Sessions, ask, item, occupy, run, serving, value_of


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 8, 23])
def test_answers_come_back_in_order_however_many_blocks_they_took(rows: int, pads: bool, lanes: int) -> None:
    sessions = Sessions()

    async def scenario() -> Inference:
        async with serving(sessions, batch=4, pads=pads, lanes=lanes) as batcher:
            return await batcher.infer_many(block(*range(1, rows + 1)))

    answer = run(scenario())

    assert (values_of(answer), answer.outputs["y"].shape) == (list(range(1, rows + 1)), (rows, 2))


def test_blocks_share_a_batch_with_each_other_and_with_single_items() -> None:
    sessions = Sessions()

    async def scenario() -> list[list[float]]:
        async with serving(sessions, batch=8) as batcher:
            busy = await occupy(batcher, sessions)
            [first] = await ask(batcher, 1)
            blocks = await started(batcher.infer_many(block(2, 3)), batcher.infer_many(block(4, 5, 6)))
            [last] = await ask(batcher, 7)
            sessions.gate.set()
            await busy
            return [[value_of(await first)], *[values_of(await one) for one in blocks], [value_of(await last)]]

    answers = run(scenario())

    assert (answers, sessions.sizes) == ([[1], [2, 3], [4, 5, 6], [7]], [1, 7])


def test_a_block_that_does_not_fit_waits_for_the_next_batch_and_nobody_overtakes_it() -> None:
    sessions = Sessions()

    async def scenario() -> None:
        async with serving(sessions, batch=4) as batcher:
            busy = await occupy(batcher, sessions)
            blocks = await started(batcher.infer_many(block(1, 2, 3)), batcher.infer_many(block(4, 5)))
            [last] = await ask(batcher, 6)
            sessions.gate.set()
            await asyncio.gather(busy, *blocks, last)

    run(scenario())

    assert (sessions.sizes, sessions.values) == ([1, 3, 3], [1000, 1, 2, 3, 4, 5, 6])


def test_blocks_of_different_shape_are_run_apart() -> None:
    sessions = Sessions()

    async def scenario() -> list[list[float]]:
        async with serving(sessions, batch=8) as batcher:
            busy = await occupy(batcher, sessions)
            calls = (batcher.infer_many(block(value, value + 1, size=2 + value % 2)) for value in (1, 4, 7))
            blocks = await started(*calls)
            sessions.gate.set()
            await busy
            return [values_of(await one) for one in blocks]

    answers = run(scenario())

    assert (answers, sessions.sizes) == ([[1, 2], [4, 5], [7, 8]], [1, 4, 2])


@pytest.mark.parametrize(("rows", "padded"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_padding_repeats_the_last_row_and_does_not_leak_into_the_answer(rows: int, padded: int) -> None:
    sessions = Sessions()

    async def scenario() -> Inference:
        async with serving(sessions, batch=8, pads=True) as batcher:
            return await batcher.infer_many(block(*range(1, rows + 1)))

    answer = run(scenario())

    asked = list(range(1, rows + 1))
    assert (values_of(answer), answer.batch_size, sessions.values) == (asked, rows, asked + [rows] * (padded - rows))


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
def test_rows_that_break_the_contract_are_refused_and_their_neighbours_are_answered(wrong: Feeds) -> None:
    sessions = Sessions()

    async def scenario() -> tuple[list[float], int]:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            [before] = await started(batcher.infer_many(block(1, 2)))
            with pytest.raises(TensorRejected, match="fake"):
                await batcher.infer_many(wrong)
            depth = batcher.depth("interactive")
            sessions.gate.set()
            await busy
            return values_of(await before), depth

    assert run(scenario()) == ([1, 2], 1)


def test_a_block_that_fails_fails_its_own_caller_alone() -> None:
    sessions = Sessions(bad=frozenset({2.0}))

    async def scenario() -> list[list[float] | type]:
        async with serving(sessions, batch=8) as batcher:
            busy = await occupy(batcher, sessions)
            calls = (batcher.infer_many(block(*values)) for values in ((1, 2), (3, 4), (5,)))
            blocks = await started(*calls)
            sessions.gate.set()
            await busy
            outcomes = await asyncio.gather(*blocks, return_exceptions=True)
        return [type(one) if isinstance(one, BaseException) else values_of(one) for one in outcomes]

    assert run(scenario()) == [InferenceFailed, [3, 4], [5]]


def test_one_bad_block_fails_the_whole_call_and_its_other_blocks_leave_the_line() -> None:
    sessions = Sessions(bad=frozenset({3.0}))

    async def scenario() -> tuple[int, list[float]]:
        async with serving(sessions, batch=2) as batcher:
            with pytest.raises(InferenceFailed):
                await batcher.infer_many(block(*range(1, 41)))
            depth = batcher.depth("interactive")
            return depth, values_of(await batcher.infer_many(block(51, 52, 53)))

    assert run(scenario()) == (0, [51, 52, 53])


@pytest.mark.parametrize("seconds", [-1.0, 0.02])
def test_rows_past_their_deadline_leave_the_line_and_are_never_run(seconds: float) -> None:
    sessions = Sessions()

    async def scenario() -> int:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            with pytest.raises(DeadlineExceeded):
                await batcher.infer_many(block(1, 2, 3, 4, 5), deadline=monotonic() + seconds)
            depth = batcher.depth("interactive")
            sessions.gate.set()
            await busy
            await batcher.infer_many(block(8, 9))
        return depth

    depth = run(scenario())

    assert (depth, sessions.values) == (0, [1000, 8, 9])


def test_a_caller_that_is_cancelled_takes_all_of_its_blocks_out_of_the_line() -> None:
    sessions = Sessions()

    async def scenario() -> tuple[int, int]:
        async with serving(sessions, batch=2) as batcher:
            busy = await occupy(batcher, sessions)
            gone, stays = await started(batcher.infer_many(block(1, 2, 3, 4, 5)), batcher.infer_many(block(6, 7)))
            before = batcher.depth("interactive")
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            after = batcher.depth("interactive")
            sessions.gate.set()
            await asyncio.gather(busy, stays)
        return before, after

    depths = run(scenario())

    assert (depths, sessions.values) == ((4, 1), [1000, 6, 7])


@pytest.mark.parametrize("priority", PRIORITIES)
def test_more_blocks_than_the_line_takes_are_overloaded_and_leave_no_block_behind(priority: Priority) -> None:
    sessions = Sessions()

    async def scenario() -> int:
        async with serving(sessions, batch=2, queue=3) as batcher:
            busy = await occupy(batcher, sessions)
            with pytest.raises(Overloaded, match=priority):
                await batcher.infer_many(block(*range(1, 9)), priority=priority)
            depth = batcher.depth(priority)
            sessions.gate.set()
            await busy
        return depth

    depth = run(scenario())

    assert (depth, sessions.values) == (0, [1000])


def test_a_single_item_has_no_leading_axis_in_its_answer_and_a_row_of_one_has() -> None:
    async def scenario() -> list[tuple[int, ...]]:
        async with serving(Sessions(), batch=4) as batcher:
            answers = [await batcher.infer(item(1)), await batcher.infer_many(block(1))]
        return [answer.outputs["y"].shape for answer in answers]

    assert run(scenario()) == [(2,), (1, 2)]
