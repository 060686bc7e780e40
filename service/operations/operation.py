"""An operation is a route's work without HTTP: fields and bytes in, bytes out. REST, jobs and batches all run it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from models.priority import Priority
from pipelines.findings import Findings
from pipelines.prompt import PromptStyle
from pipelines.run_context import PartListener
from service.components import Components
from service.keys.caller import Caller
from service.keys.scopes import Scope
from service.operations.field_errors import parse_fields
from service.telemetry.request_context import bind_operation, current_caller_name
from service.telemetry.tracing import start_span

OptionsT = TypeVar("OptionsT", bound=BaseModel)
InputsT = TypeVar("InputsT")
TimeLimitSetting = Literal["request_seconds", "document_seconds"]  # fields of LimitSettings


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """A client's request: `image` is a file's bytes or the URL to fetch it from; None where the fields name it."""

    fields: dict[str, Any]
    image: bytes | str | None = None

    def with_defaults(self, fields: Mapping[str, Any]) -> "OperationRequest":
        """The request with those of `fields` that it lacks."""
        return OperationRequest({**fields, **self.fields}, self.image)


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """How one run of an operation is executed.

    `deadline` is of `time.monotonic`. `on_page` is called with each page of a document as soon as it is read.
    """

    deadline: float
    priority: Priority = "interactive"
    on_page: PartListener | None = None


@dataclass(frozen=True, slots=True)
class OperationReply:
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: BaseModel) -> "OperationReply":
        return cls(answer.model_dump_json(exclude_none=True).encode())


@dataclass(frozen=True, slots=True)
class Operation(Generic[InputsT]):
    """`parse` validates all but the image and raises RequestRejected; `execute` raises what the engine and fetching do.

    A JSON body has its image under one of `image_names`; without names, the whole body is fields. `time_limit` names
    the setting that bounds an interactive run. A key needs all `scopes`, or those that `scopes_of` names for inputs.
    """

    name: str
    parse: Callable[[OperationRequest], InputsT]
    execute: Callable[[Components, OperationRequest, InputsT, ExecutionLimits], Awaitable[OperationReply]]
    image_names: tuple[str, ...] = ("image",)
    time_limit: TimeLimitSetting = "request_seconds"
    scopes: tuple[Scope, ...] = ("analyze",)
    scopes_of: Callable[[InputsT], tuple[Scope, ...]] | None = None

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"

    def check_scopes(self, caller: Caller, request: OperationRequest) -> None:
        """Raises Forbidden, or RequestRejected where the request has to be parsed to know which scopes it needs."""
        if self.scopes_of is None or caller.scopes.issuperset(self.scopes):
            caller.require(*self.scopes)
        else:
            caller.require(*self.scopes_of(self.parse(request)))

    async def run(self, components: Components, request: OperationRequest, limits: ExecutionLimits) -> OperationReply:
        with self.telemetry_scope():
            return await self.execute(components, request, self.parse(request), limits)

    @contextmanager
    def telemetry_scope(self) -> Iterator[None]:
        """Logs and traces of this block name the operation."""
        with bind_operation(self.name), start_span(self.name, attributes={"kernelsight.operation": self.name}):
            yield

    def interactive_limits(self, components: Components) -> ExecutionLimits:
        """The limits for a client that waits for the answer."""
        seconds: float = getattr(components.settings.limits, self.time_limit)
        return ExecutionLimits(monotonic() + seconds)


def origin_headers(findings: Findings) -> dict[str, str]:
    """Headers of a reply that is a file: result id, models, and seconds by stage."""
    return {
        "X-KernelSight-Result-Id": findings.result_id,
        "X-KernelSight-Models": ", ".join(f"{one.id}/{one.version};sha256={one.sha256}" for one in findings.models),
        "X-KernelSight-Timings": ", ".join(f"{name}={seconds:g}" for name, seconds in findings.timings.items()),
    }


def options_parser(kind: type[OptionsT]) -> Callable[[OperationRequest], OptionsT]:
    """A `parse` for operations whose fields are all options of `kind`."""
    return lambda request: parse_fields(kind, request.fields, where="options")


async def fetch_image(components: Components, image: bytes | str | None) -> bytes:
    """The bytes of an image that may be a URL; raises what fetching raises."""
    return await components.fetcher.fetch(image) if isinstance(image, str) else image or b""


async def run_engine(
    components: Components,
    image: bytes | str | None,
    options: Mapping[str, BaseModel],
    limits: ExecutionLimits,
    *,
    gate: bool = False,
    prompt_style: PromptStyle = "short",
) -> Findings:
    """Run pipelines with their `options` over an image, fetched first if it is a URL; raises what both steps raise."""
    return await components.engine.run(
        await fetch_image(components, image),
        options,
        priority=limits.priority,
        deadline=limits.deadline,
        gate=gate,
        on_page=limits.on_page,
        caller=current_caller_name(),
        prompt_style=prompt_style,
    )
