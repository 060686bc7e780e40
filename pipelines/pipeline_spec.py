"""PipelineSpec: everything that the rest of KernelSight derives from one pipeline, declared beside its code."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from pipelines.drift import Measurement, TrackedModels
from pipelines.pipeline import Pipeline
from pipelines.resources import PipelineResources

OptionsT = TypeVar("OptionsT", bound=BaseModel)
ResultT = TypeVar("ResultT", bound=BaseModel)

AuditSummary = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PipelineSpec(Generic[OptionsT, ResultT]):
    """One pipeline. Its module loads neither OpenCV nor a model: `build` imports what it needs when it is called.

    - `name`: the key in requests, results, timings and metrics.
    - `tasks`: the model tasks (tasks.toml) whose models must be open.
    - `optional_tasks`: those whose models are used where they are in the store; the service says where they are not.
    - `companions`: pipelines that are served along with it, because they need the same models.
    - `is_selectable`: KERNELSIGHT_PIPELINES may name it. One that is neither selectable nor a companion of a
      selectable one is always served.
    - `is_analysis`: /v1/analyze may run it. The others return a file and have a route of their own.
    - `is_default`: /v1/analyze runs it where a request names no pipelines.
    - `may_be_absent`: where its models are not in the store, the service starts without it and says so.
    - `warm_up`: options of one run at start; None where open models are warm enough.
    - `canary`: options for golden sets; None where golden sets have no expectations of it.
    - `stages`: the names of its stages, a closed set of metric labels.
    - `summarise`: the audit log's summary of a result, without pixels and text. It is called on the event loop and
      returns a function that a writer thread calls.
    - `measure`, `tracked`: the numbers of a result that quality metrics count, and the models tracked for drift.
    """

    name: str
    options: type[OptionsT]
    result: type[ResultT]
    build: Callable[[PipelineResources], Awaitable[Pipeline[OptionsT, ResultT]]]
    tasks: tuple[str, ...] = ()
    optional_tasks: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    is_selectable: bool = False
    is_analysis: bool = False
    is_default: bool = False
    may_be_absent: bool = False
    warm_up: OptionsT | None = None
    canary: OptionsT | None = None
    stages: frozenset[str] = frozenset()
    summarise: Callable[[ResultT], AuditSummary] | None = None
    measure: Callable[[ResultT], Iterable[Measurement]] | None = None
    tracked: tuple[TrackedModels, ...] = ()

    @property
    def all_tasks(self) -> tuple[str, ...]:
        return (*self.tasks, *self.optional_tasks)
