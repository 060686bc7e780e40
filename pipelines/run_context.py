"""RunContext: one request's priority, deadline, stage timings and shared work."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from pydantic import BaseModel

from models.inference import Inference
from models.priority import Priority
from pipelines.admission import AdmittedRequest
from pipelines.types import ModelUsed

R = TypeVar("R")

PartListener = Callable[[BaseModel, int], None]  # one part of a result, and the number of all parts


def _ignore_part(part: BaseModel, of: int) -> None:
    """The listener of requests that wait for the whole result."""


@dataclass(frozen=True, slots=True)
class StageTiming:
    """One stage of a request: `name` as in its timings, `ended` in `time.perf_counter` seconds."""

    name: str
    ended: float
    seconds: float


@dataclass(slots=True)
class RunContext:
    """One request on its way through the engine: priority, deadline (`time.monotonic` seconds) and stage timings.

    `shared` holds work that several pipelines of the request need once; all of them get the same dict. `on_part` gets
    parts of the result before the whole is done: each page of a document. With `fresh`, caches of earlier requests
    are bypassed. `models_run` are the models that answered, in that order. `admitted` is the request's place among
    others.
    """

    priority: Priority = "interactive"
    deadline: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    stages: list[StageTiming] = field(default_factory=list)
    shared: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    on_part: PartListener = _ignore_part
    models_run: dict[ModelUsed, None] = field(default_factory=dict)
    fresh: bool = False
    admitted: AdmittedRequest = field(default_factory=AdmittedRequest.alone)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.add_stage(name, perf_counter() - started)

    async def once(self, name: str, work: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """The result of `work`: the first caller of the request starts it, the others wait for it."""
        if name not in self.shared:
            self.shared[name] = asyncio.create_task(work())
        result: R = await self.shared[name]
        return result

    def merge_stages(self, pipeline: str, own: "RunContext") -> None:
        """Add the stages and models of one pipeline's `own` context; stage names get the pipeline's name in front."""
        for stage in own.stages:
            self.stages.append(StageTiming(f"{pipeline}.{stage.name}", stage.ended, stage.seconds))
        for name, seconds in own.timings.items():
            self.timings[f"{pipeline}.{name}"] = round(self.timings.get(f"{pipeline}.{name}", 0.0) + seconds, 6)
        self.models_run |= own.models_run

    def record_inference(self, answer: Inference, *, wait: str = "wait", session: str = "session") -> None:
        """Record an inference that has just returned: its time in the queue and in the session, and its model."""
        self.record_model(answer)
        ended = perf_counter()
        self.add_stage(wait, answer.wait_seconds, ended=ended - answer.run_seconds)
        self.add_stage(session, answer.run_seconds, ended=ended)

    def record_model(self, answer: Inference) -> None:
        """Record which model gave `answer`, where the runtime says so."""
        if answer.model_info is not None:
            self.models_run[ModelUsed.of(answer.model_info)] = None

    def add_stage(self, name: str, seconds: float, *, ended: float | None = None) -> None:
        """Record a stage that took `seconds` and ends now, or at `ended`."""
        self.stages.append(StageTiming(name, perf_counter() if ended is None else ended, seconds))
        self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 6)


def model_used(answer: Inference, declared: ModelUsed) -> ModelUsed:
    """The model that gave `answer`: the declared one, unless the runtime names another version of it."""
    return declared if answer.model_info is None else ModelUsed.of(answer.model_info)
