"""Reply bodies of the routes about models and health, and OpenAPI for request bodies that are a form or JSON."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from service.monitoring.shadow.metrics import ShadowReport
from service.operations.openai_moderation import OpenAIErrorReply
from service.worker.job_view import JobView

Responses = dict[int | str, dict[str, Any]]


class PassedOverModels(BaseModel):
    """A preferred choice of models for a task that is not possible here, and why."""

    name: str
    why: str


class TaskSummary(BaseModel):
    """The models that do a task in this process, the reason, and the preferred ones that are not available."""

    name: str
    models: list[str]
    reason: str
    passed_over: list[PassedOverModels]


class ModelSummary(BaseModel):
    """A catalog entry and its state in this process; of a loaded model, the version that answers.

    `state` is that of its files in the store, `shadow` the shadow version that is compared with it.
    """

    id: str
    version: int
    task: str
    description: str
    license: str
    state: str
    loaded: bool
    device: str | None
    backend: str | None = Field(description="the library that runs it: onnxruntime or openvino")
    precision: str | None = Field(description="that it computes in")
    sha256: str | None
    shadow: ShadowReport | None = None


class ModelList(BaseModel):
    tasks: dict[str, TaskSummary]
    models: list[ModelSummary]


class Health(BaseModel):
    """`models` maps each loaded model, and `decoders` each way of decoding images that was checked, to null or to the
    reason why it makes no progress."""

    status: str
    models: dict[str, str | None]
    decoders: dict[str, str | None]


class ProblemBody(BaseModel):
    """RFC 9457 problem+json; `type` is stable and listed in docs/errors.md."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None


def _image_in(name: str, other: str, description: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": description}, other: {"type": "null"}}
    return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}


_IMAGE = {
    "oneOf": [
        _image_in("data", "url", "base64, bare or as a data URL"),
        _image_in("url", "data", "http(s), where the service is set to fetch it, or a data URL"),
    ]
}

PIXEL_URL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def image_body(name: str = "image", /, **properties: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI for a route that takes an image as a form's file or as `name` in JSON, with `properties` beside it."""
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": file, **properties}, "required": ["file"]}
    json = {"type": "object", "properties": {name: _IMAGE, **properties}, "required": [name]}
    example = {name: {"data": PIXEL_URL}}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def model_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model in a body that FastAPI does not know; `publish_definitions` completes it."""
    return kind.model_json_schema(ref_template="#/components/schemas/{model}")


def json_body(kind: type[BaseModel], **example: Any) -> dict[str, Any]:
    """OpenAPI for a route that takes `kind` as JSON, with the fields of an example if there are any."""
    json = {"schema": model_schema(kind)} | ({"example": example} if example else {})
    return {"requestBody": {"required": True, "content": {"application/json": json}}}


def moderation_body(kind: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI for a route that takes `kind` as JSON, or an image as multipart form."""
    form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    body = json_body(kind, input=[{"type": "image_url", "image_url": {"url": PIXEL_URL}}])
    body["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    return body


def complete_openapi(app: FastAPI) -> None:
    """Correct the document that FastAPI makes.

    Models in bodies bring their definitions along, which become components. Replies leave out what is null, so nothing
    that may be null is required.
    """
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = build()["components"]["schemas"]
            schemas |= dict(_take_definitions(build()["paths"]))
            for schema in schemas.values():
                _require_no_nulls(schema)
        return build()

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI says to extend the document


def _take_definitions(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _take_definitions(one)
    elif isinstance(value, dict):
        yield from value.pop("$defs", {}).items()
        for one in value.values():
            yield from _take_definitions(one)


def _require_no_nulls(schema: dict[str, Any]) -> None:
    properties = schema.get("properties", {})
    required = [name for name in schema.pop("required", ()) if not _may_be_null(properties.get(name, {}))]
    if required:
        schema["required"] = required


def _may_be_null(schema: dict[str, Any]) -> bool:
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


_PROBLEMS = {
    400: "Empty image",
    401: "API key missing or wrong",
    403: "The API key does not allow this, or image URLs are switched off",
    404: "There is nothing of this name",
    409: "Its state, or an earlier request, does not allow this",
    413: "Too many bytes, pixels or frames",
    415: "Image format or content type not supported",
    422: "Truncated or damaged image, a URL that is not allowed, or an option out of range",
    424: "The image could not be fetched from its URL",
    429: "The service is overloaded, or the API key has reached its limit; Retry-After says for how long",
    501: "This model cannot do it",
    503: "Models are loading or missing",
    504: "Not done before the deadline",
    507: "A store is full",
}
_OF_EVERY_ROUTE = (400, 401, 403, 413, 415, 422, 424, 429, 503, 504)


def problems(*statuses: int) -> Responses:
    """OpenAPI for answers with these statuses, in our form."""
    return {
        one: {"model": ProblemBody, "description": _PROBLEMS[one], "content": {"application/problem+json": {}}}
        for one in statuses
    }


def openai_problems(*statuses: int) -> Responses:
    """OpenAPI for answers with these statuses, in the form of OpenAI's routes."""
    return {one: {"model": OpenAIErrorReply, "description": _PROBLEMS[one]} for one in statuses}


PROBLEM_RESPONSES = problems(*_OF_EVERY_ROUTE)
OPENAI_PROBLEM_RESPONSES = openai_problems(*_OF_EVERY_ROUTE)

_JOB: Responses = {202: {"model": JobView, "description": "A job, to a request with `Prefer: respond-async`"}}
OPERATION_RESPONSES = PROBLEM_RESPONSES | _JOB | problems(409, 507)
OPENAI_OPERATION_RESPONSES = OPENAI_PROBLEM_RESPONSES | _JOB | openai_problems(409, 507)
