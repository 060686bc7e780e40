"""RunContext: one request's priority, deadline, stage timings and shared work."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, TypeVar

from pydantic import BaseModel

from models.inference import Inference
from models.priority import Priority
from pipelines.types import ModelUsed

R = TypeVar("R")

Report = Callable[[BaseModel, int], None]  # a part of the result, and how many there will be


def _unheard(part: BaseModel, of: int) -> None:
    """What is done with parts of a result that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a request's time: `name` as in its timings, `ended` of `time.perf_counter`."""

    name: str
    ended: float
    seconds: float


@dataclass(slots=True)
class RunContext:
    """One request on its way through: its priority, its deadline (`time.monotonic`), its stopwatch.

    `shared` holds what several pipelines of the request need once; they are given the same dict. `report` is told
    what is done before all of it is: each page of a document. With `fresh` nothing is taken from earlier requests.
    `ran` are the models that answered, in that order.
    """

    priority: Priority = "interactive"
    deadline: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    shared: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    report: Report = _unheard
    ran: dict[ModelUsed, None] = field(default_factory=dict)
    fresh: bool = False

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.add(name, perf_counter() - started)

    async def once(self, name: str, work: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """The result of `work`, which the first caller starts and all others of the request wait for."""
        if name not in self.shared:
            self.shared[name] = asyncio.create_task(work())
        result: R = await self.shared[name]
        return result

    def take(self, pipeline: str, own: "RunContext") -> None:
        """The stages of a pipeline, behind its name; beside those that it had before."""
        for stage in own.stages:
            self.stages.append(replace(stage, name=f"{pipeline}.{stage.name}"))
        for name, seconds in own.timings.items():
            self.timings[f"{pipeline}.{name}"] = round(self.timings.get(f"{pipeline}.{name}", 0.0) + seconds, 6)
        self.ran |= own.ran

    def inferred(self, answer: Inference, *, wait: str = "wait", session: str = "session") -> None:
        """An inference that has just come back: the time in line, and in the session, and whose it was."""
        self.credit(answer)
        ended = perf_counter()
        self.add(wait, answer.wait_seconds, ended=ended - answer.run_seconds)
        self.add(session, answer.run_seconds, ended=ended)

    def credit(self, answer: Inference) -> None:
        """Note which model gave `answer`, where the runtime says so."""
        if answer.served is not None:
            self.ran[ModelUsed.of(answer.served)] = None

    def add(self, name: str, seconds: float, *, ended: float | None = None) -> None:
        """A stage that took `seconds`, and ends now unless it did before."""
        self.stages.append(Stage(name, perf_counter() if ended is None else ended, seconds))
        self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 6)


def used_in(answer: Inference, declared: ModelUsed) -> ModelUsed:
    """Which model gave `answer`: the declared one, unless the runtime says that another version of it did."""
    return declared if answer.served is None else ModelUsed.of(answer.served)
