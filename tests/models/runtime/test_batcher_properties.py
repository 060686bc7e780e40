"""Whatever happens to other callers, each one gets its own answer or its own error, once."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import DeadlineExceeded, InferenceFailed
from models.inference import Inference
from models.priority import PRIORITIES, Priority
from models.runtime.batcher import Batcher
from tests.models.fake_sessions import FakeSessions, item, open_batcher, run_scenario, value_of

Fate = Literal["served", "bad", "expired", "cancelled at once", "cancelled later"]


@dataclass(frozen=True)
class Caller:
    fate: Fate
    priority: Priority = "interactive"
    size: int = 2
    pauses: bool = False  # lets the event loop turn before the next caller arrives


@dataclass(frozen=True)
class ModelSetup:
    """`busy` holds the sessions until all callers have arrived, `lifetimes` lets them die."""

    workers: int = 1
    batch: int = 1
    pads: bool = False
    busy: bool = False
    lifetimes: tuple[int, ...] = ()


callers = st.builds(
    Caller,
    fate=st.sampled_from(["served", "served", "bad", "expired", "cancelled at once", "cancelled later"]),
    priority=st.sampled_from(PRIORITIES),
    size=st.sampled_from([2, 3]),
    pauses=st.booleans(),
)
setups = st.builds(
    ModelSetup,
    workers=st.integers(1, 2),
    batch=st.integers(1, 5),
    pads=st.booleans(),
    busy=st.booleans(),
    # Only the first may die in its first run: a caller that meets two such sessions in a row gets an error.
    lifetimes=st.just(()) | st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)),
)


@settings(max_examples=40, deadline=None)
@given(crowd=st.lists(callers, max_size=30), setup=setups)
@example(crowd=[Caller("served"), Caller("bad"), Caller("served")], setup=ModelSetup(batch=4, busy=True))
@example(crowd=[Caller("served")] * 9, setup=ModelSetup(batch=5, pads=True, busy=True, lifetimes=(0, 1, 1)))
def test_each_caller_gets_its_own_answer_or_its_own_error(crowd: list[Caller], setup: ModelSetup) -> None:
    sessions = FakeSessions(
        bad=frozenset(number for number, one in enumerate(crowd, 1) if one.fate == "bad"), lifetimes=setup.lifetimes
    )
    outcomes, complaints = run_scenario(serve(crowd, setup, sessions))
    surprises = [
        (number, one, outcome)
        for number, (one, outcome) in enumerate(zip(crowd, outcomes, strict=True), 1)
        if not is_fair(number, one, outcome, setup, sessions)
    ]

    assert surprises == []
    assert complaints == []
    assert max(sessions.sizes, default=0) <= most_rows(setup)


async def serve(
    crowd: Sequence[Caller], setup: ModelSetup, sessions: FakeSessions
) -> tuple[list[Inference | BaseException], list[dict[str, Any]]]:
    """The outcome of each caller, and complaints of the event loop, such as an answer given twice."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with open_batcher(sessions, workers=setup.workers, max_batch=setup.batch, pads=setup.pads) as batcher:
        if setup.busy:
            sessions.gate.clear()
        tasks = [await arrive(batcher, number, one) for number, one in enumerate(crowd, 1)]
        sessions.gate.set()
        for one, task in zip(crowd, tasks, strict=True):
            if one.fate == "cancelled later":
                task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return outcomes, complaints


async def arrive(batcher: Batcher, number: int, one: Caller) -> asyncio.Task[Inference]:
    deadline = monotonic() - 1 if one.fate == "expired" else None
    task = asyncio.create_task(batcher.infer(item(number, size=one.size), priority=one.priority, deadline=deadline))
    if one.pauses:
        await asyncio.sleep(0)
    if one.fate == "cancelled at once":
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return task


def is_fair(
    number: int, one: Caller, outcome: Inference | BaseException, setup: ModelSetup, sessions: FakeSessions
) -> bool:
    match outcome:
        case Inference():
            is_own = value_of(outcome) == number and outcome.outputs["y"].shape == (one.size,)
            return is_own and outcome.batch_size <= setup.batch and one.fate not in ("bad", "expired")
        case InferenceFailed():
            return one.fate == "bad"
        case DeadlineExceeded():
            return one.fate == "expired" and number not in sessions.values
        case asyncio.CancelledError():
            return one.fate.startswith("cancelled")
    return False


def most_rows(setup: ModelSetup) -> int:
    return 1 << (setup.batch - 1).bit_length() if setup.pads else setup.batch
