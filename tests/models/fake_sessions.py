"""Fake sessions without a model: they add one, and fail on demand in the ways that real ones do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from models.arrays import Array
from models.errors import InferenceFailed
from models.inference import BatchRecord, Inference
from models.runtime.batcher import Batcher
from models.runtime.session_worker import BatchPlan

T = TypeVar("T")

PLAN = BatchPlan(hang_seconds=30.0)
GIVE_UP_SECONDS = 30.0  # no test waits longer, whatever breaks


def item(value: float, *, size: int = 2) -> dict[str, Array]:
    return {"x": np.full(size, value, np.float32)}


PROBES = (item(0, size=2), item(0, size=3))


def value_of(answer: Inference) -> float:
    """The value that `item` was called with, read back from its answer."""
    return float(answer.outputs["y"][0]) - 1


@dataclass
class FakeSessions:
    """Opens fake sessions, records all that they did, and injects faults.

    `warmed` holds the shapes of all runs on zeros: warm-ups and probes. `sizes` and `values` hold the
    rest: rows of each batch, and the value of each row.
    `lifetimes[i]` is how many runs after warm-up the i-th opened session survives; without one it lives for ever.
    """

    bad: frozenset[float] = frozenset()
    hanging: set[float] = field(default_factory=set)
    lifetimes: Sequence[int] = ()
    broken_file: Exception | None = None
    opened: int = 0
    refused: int = 0
    warmed: list[tuple[int, ...]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    records: list[BatchRecord] = field(default_factory=list)
    one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def open(self) -> "FakeSession":
        if self.broken_file is not None:
            self.refused += 1
            raise self.broken_file
        with self.one_by_one:
            lifetime = self.lifetimes[self.opened] if self.opened < len(self.lifetimes) else None
            self.opened += 1
        return FakeSession(self, lifetime)


class FakeSession:
    def __init__(self, log: FakeSessions, lifetime: int | None) -> None:
        self._log, self._lifetime = log, lifetime
        self._stopped = threading.Event()

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        rows = feeds["x"]
        values = [float(row[0]) for row in rows]
        if any(values):
            self._record(values)
        else:
            self._log.warmed.append(rows.shape)
        self._live_or_die()
        if self._log.bad.intersection(values):
            raise InferenceFailed(f"cannot do {values}")
        return {"y": rows + 1}

    def stop(self) -> None:
        self._stopped.set()

    def _record(self, values: list[float]) -> None:
        self._log.sizes.append(len(values))
        self._log.values += values
        assert self._log.gate.wait(GIVE_UP_SECONDS)
        if self._log.hanging.intersection(values):
            self._log.hanging.clear()  # hangs once
            self._stopped.wait(GIVE_UP_SECONDS)
        if self._lifetime is not None:
            self._lifetime -= 1

    def _live_or_die(self) -> None:
        if self._stopped.is_set() or (self._lifetime is not None and self._lifetime < 0):
            raise InferenceFailed("this session is dead")


@asynccontextmanager
async def open_batcher(sessions: FakeSessions, plan: BatchPlan = PLAN, **changes: int | bool) -> AsyncIterator[Batcher]:
    """A batcher on fake sessions; `changes` are fields of its plan."""
    plan = replace(plan, **changes)  # type: ignore[arg-type]
    batcher = await Batcher.open("fake", sessions.open, PROBES, plan, sessions.records.append)
    try:
        yield batcher
    finally:
        sessions.gate.set()
        await batcher.close(grace_seconds=GIVE_UP_SECONDS)


def run_scenario(scenario: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` with a timeout, for scenarios that could wait for an answer for ever."""
    return asyncio.run(asyncio.wait_for(scenario, GIVE_UP_SECONDS))


async def wait_until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not fact():
            await asyncio.sleep(0.001)


async def send_requests(batcher: Batcher, *values: float) -> list[asyncio.Task[Inference]]:
    """One request per value, all of them queued, or in a worker, when this returns."""
    tasks = [asyncio.create_task(batcher.infer(item(value))) for value in values]
    await asyncio.sleep(0)
    return tasks


async def occupy_worker(batcher: Batcher, sessions: FakeSessions) -> asyncio.Task[Inference]:
    """Keep the only worker of `batcher` busy, with value 1000, until `sessions.gate` is set."""
    sessions.gate.clear()
    [task] = await send_requests(batcher, 1000)
    await wait_until(lambda: 1000 in sessions.values)
    return task
