"""An operation: a route's work without HTTP. Fields and bytes in, bytes out; REST, jobs and batches all end here."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from models.priority import Priority
from pipelines.findings import Findings
from pipelines.run_context import Report
from service.components import Components
from service.operations.request import OperationRequest, parse_options
from service.telemetry.request_context import during
from service.telemetry.tracing import spanning

OptionsT = TypeVar("OptionsT", bound=BaseModel)
AskedT = TypeVar("AskedT")
Limit = Literal["request_seconds", "document_seconds"]  # names of settings


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """When an answer is worth nothing any more (`time.monotonic`), what it goes behind, and who hears of its parts."""

    deadline: float
    priority: Priority = "interactive"
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: BaseModel, **headers: str) -> "Reply":
        return cls(answer.model_dump_json(exclude_none=True).encode(), headers=headers)


@dataclass(frozen=True, slots=True)
class Operation(Generic[AskedT]):
    """`parse` validates all but the image, raising RequestRejected; `answer` raises what the engine and fetching do.

    A JSON body has the image in a field of `image_names`; with none it is all fields.
    """

    name: str
    parse: Callable[[OperationRequest], AskedT]
    answer: Callable[[Components, OperationRequest, AskedT, ExecutionLimits], Awaitable[Reply]]
    image_names: tuple[str, ...] = ("image",)
    limit: Limit = "request_seconds"

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"

    async def run(self, components: Components, ask: OperationRequest, terms: ExecutionLimits) -> Reply:
        with self.named():
            return await self.answer(components, ask, self.parse(ask), terms)

    @contextmanager
    def named(self) -> Iterator[None]:
        """What is done in this block is done for this operation: logs and traces say so."""
        with during(self.name), spanning(self.name, attributes={"kernelsight.operation": self.name}):
            yield

    def now(self, components: Components) -> ExecutionLimits:
        """Those of somebody who waits for the answer."""
        seconds: float = getattr(components.settings, self.limit)
        return ExecutionLimits(monotonic() + seconds)


def origin(findings: Findings) -> dict[str, str]:
    """What an answer that is a file tells of itself in headers: its result id, who answered, seconds by stage."""
    return {
        "X-KernelSight-Result-Id": findings.result_id,
        "X-KernelSight-Models": ", ".join(f"{one.id}/{one.version};sha256={one.sha256}" for one in findings.models),
        "X-KernelSight-Timings": ", ".join(f"{name}={seconds:g}" for name, seconds in findings.timings.items()),
    }


def options_of(kind: type[OptionsT]) -> Callable[[OperationRequest], OptionsT]:
    """Every field is an option of `kind`."""
    return lambda ask: parse_options(kind, ask.fields, where="options")


async def run_engine(
    components: Components,
    image: bytes | str | None,
    tasks: Mapping[str, BaseModel],
    terms: ExecutionLimits,
    *,
    gate: bool = False,
) -> Findings:
    """Fetch the image if need be, and send it through the engine; raises what both raise."""
    data = await components.fetcher.fetch(image) if isinstance(image, str) else image or b""
    return await components.engine.run(
        data, tasks, priority=terms.priority, deadline=terms.deadline, gate=gate, report=terms.report
    )
