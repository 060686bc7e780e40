"""Each caller of `infer_many` gets its own rows, from batches within the plan."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from models.inference import Inference
from models.priority import PRIORITIES, Priority
from models.runtime.batcher import Batcher
from tests.models.blocks import block, start_calls, values_of
from tests.models.fake_sessions import FakeSessions, item, open_batcher, run_scenario


@dataclass(frozen=True)
class Caller:
    """Asks for `rows` items at once, or by `infer` for a single one where `rows` is None."""

    rows: int | None
    priority: Priority


callers = st.builds(Caller, rows=st.none() | st.integers(1, 9), priority=st.sampled_from(PRIORITIES))


@settings(max_examples=40, deadline=None)
@given(crowd=st.lists(callers, max_size=12), batch=st.integers(1, 5), workers=st.integers(1, 3), is_busy=st.booleans())
def test_each_caller_gets_its_own_rows_from_planned_batches(
    crowd: list[Caller], batch: int, workers: int, is_busy: bool
) -> None:
    sessions = FakeSessions()

    async def scenario() -> list[list[float]]:
        async with open_batcher(sessions, max_batch=batch, workers=workers) as batcher:
            if is_busy:
                sessions.gate.clear()
            tasks = await start_calls(*(asks(batcher, one, 100 * number) for number, one in enumerate(crowd, 1)))
            sessions.gate.set()
            return [values_of(answer) for answer in await asyncio.gather(*tasks)]

    answers = run_scenario(scenario())

    wanted: Sequence[list[int]] = [own_values(one, 100 * number) for number, one in enumerate(crowd, 1)]
    assert answers == wanted
    assert max(sessions.sizes, default=0) <= batch


def own_values(one: Caller, first: int) -> list[int]:
    return list(range(first, first + (one.rows or 1)))


async def asks(batcher: Batcher, one: Caller, first: int) -> Inference:
    """The caller's answer, with a leading axis in any case."""
    if one.rows:
        return await batcher.infer_many(block(*own_values(one, first)), priority=one.priority)
    answer = await batcher.infer(item(first), priority=one.priority)
    outputs = {name: value[None] for name, value in answer.outputs.items()}
    return Inference(outputs, answer.wait_seconds, answer.run_seconds, answer.batch_size)
