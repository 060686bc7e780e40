"""Reply bodies of the routes about models and health, and OpenAPI for request bodies that are a form or JSON."""

from typing import Any

from pydantic import BaseModel

from service.monitoring.shadow.metrics import ShadowReport
from service.operations.openai_moderation import OpenAIErrorReply


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


_IMAGE = {
    "type": "object",
    "properties": {
        "data": {"type": "string", "description": "base64, bare or as a data URL"},
        "url": {"type": "string", "description": "http(s), where the service is set to fetch it, or a data URL"},
    },
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


def json_body(kind: type[BaseModel], *, input: Any) -> dict[str, Any]:
    """OpenAPI for a route that takes `kind` as JSON; `input` is that of the example."""
    json = {"schema": kind.model_json_schema(), "example": {"input": input}}
    return {"requestBody": {"required": True, "content": {"application/json": json}}}


def moderation_body(kind: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI for a route that takes `kind` as JSON, or an image as multipart form."""
    form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    body = json_body(kind, input=[{"type": "image_url", "image_url": {"url": PIXEL_URL}}])
    body["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    return body


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemBody, "description": description, "content": {"application/problem+json": {}}}
    for status, description in {
        400: "Empty image",
        401: "API key missing or wrong",
        403: "The API key does not allow this, or image URLs are switched off",
        413: "Too many bytes, pixels or frames",
        415: "Image format or content type not supported",
        422: "Truncated or damaged image, a URL that is not allowed, or an option out of range",
        424: "The image could not be fetched from its URL",
        429: "The service is overloaded, or the API key has reached its limit; Retry-After says for how long",
        503: "Models are loading or missing",
        504: "Not done before the deadline",
    }.items()
}

OPENAI_PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIErrorReply, "description": problem["description"]}
    for status, problem in PROBLEM_RESPONSES.items()
}
