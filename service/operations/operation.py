"""An operation is a route's work without HTTP: fields and bytes in, bytes out. REST, jobs and batches all run it."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from models.priority import Priority
from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.run_context import PartListener
from service.components import Components
from service.network.image_fetcher import ImageFetcher
from service.telemetry.request_context import bind_operation
from service.telemetry.tracing import start_span

OptionsT = TypeVar("OptionsT", bound=BaseModel)
InputsT = TypeVar("InputsT")
TimeLimitSetting = Literal["request_seconds", "document_seconds"]  # fields of LimitSettings


class ImageReference(BaseModel):
    """An image inside JSON: `data` is base64, bare or as a data URL; `url` is an http(s) URL or a data URL."""

    model_config = ConfigDict(extra="forbid")

    data: str | None = None
    url: str | None = None


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
    the setting that bounds an interactive run.
    """

    name: str
    parse: Callable[[OperationRequest], InputsT]
    execute: Callable[[Components, OperationRequest, InputsT, ExecutionLimits], Awaitable[OperationReply]]
    image_names: tuple[str, ...] = ("image",)
    time_limit: TimeLimitSetting = "request_seconds"

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"

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


async def run_engine(
    components: Components,
    image: bytes | str | None,
    options: Mapping[str, BaseModel],
    limits: ExecutionLimits,
    *,
    gate: bool = False,
) -> Findings:
    """Run pipelines with their `options` over an image, fetched first if it is a URL; raises what both steps raise."""
    data = await components.fetcher.fetch(image) if isinstance(image, str) else image or b""
    return await components.engine.run(
        data, options, priority=limits.priority, deadline=limits.deadline, gate=gate, on_page=limits.on_page
    )


def parse_json_request(body: bytes, names: tuple[str, ...]) -> OperationRequest:
    """Parse a JSON body that has its image under one of `names`; raises RequestRejected."""
    return request_from_fields(parse_json(body), names)


def request_from_fields(fields: Any, names: tuple[str, ...]) -> OperationRequest:
    """The request in a parsed JSON body, from which the image's field is removed; raises RequestRejected."""
    if not names and isinstance(fields, dict):
        return OperationRequest(fields)
    given = [name for name in names if isinstance(fields, dict) and name in fields]
    if len(given) != 1:
        wanted = f" with a field {' or '.join(map(repr, names))}" if names else ""
        raise RequestRejected(f"the body must be a JSON object{wanted}")
    image = parse_fields(ImageReference, fields.pop(given[0]), where=given[0])
    return OperationRequest(fields, _decode_reference(image))


def parse_json(body: bytes) -> Any:
    """Raises RequestRejected."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"the body is not JSON: {cause}") from cause


async def load_image(url: str, pool: CpuPool, fetcher: ImageFetcher) -> bytes:
    """The image at an http(s) or data URL; raises RequestRejected, or what `ImageFetcher.fetch` raises."""
    image = await pool.run(_decode_reference, ImageReference(url=url))
    return await fetcher.fetch(image) if isinstance(image, str) else image


def _decode_reference(image: ImageReference) -> bytes | str:
    """The image's bytes, or the URL that it has to be fetched from; raises RequestRejected."""
    text = image.data if image.data is not None else image.url
    if text is None or (image.data is not None and image.url is not None):
        raise RequestRejected("image: give either 'data' or 'url'")
    if image.url is not None and not image.url.startswith("data:"):
        return image.url
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise RequestRejected("image: a data URL must have the form data:image/…;base64,…")
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise RequestRejected(f"image: not base64: {cause}") from cause


def parse_fields(kind: type[OptionsT], values: Any, *, where: str) -> OptionsT:
    """Validate `values` as `kind`; raises RequestRejected that names each wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        errors = (f"{'.'.join([where, *map(str, error['loc'])])}: {error['msg']}" for error in cause.errors())
        raise RequestRejected("; ".join(errors)) from cause
