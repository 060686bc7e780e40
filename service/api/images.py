"""Routes that look at one image now and answer in the response."""

from collections.abc import Mapping
from time import monotonic
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from pipelines.captioning import FeaturesOptions
from pipelines.errors import RequestRejected
from pipelines.types import Findings
from service.intake import parse_options, read_upload, unless_gone
from service.schemas import PROBLEMS, FeaturesReply, image_body
from service.state import ReadyHouse

router = APIRouter(prefix="/v1", tags=["images"], responses=PROBLEMS)

# The options that each pipeline takes from a request.
OPTIONS: dict[str, type[BaseModel]] = {"features": FeaturesOptions}


@router.post("/features", response_model=FeaturesReply, openapi_extra=image_body())
async def features(request: Request, house: ReadyHouse, query: Annotated[FeaturesOptions, Query()]) -> Response:
    """Captioning features of one image: embedding, tags, colours, and a text block for a prompt.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    upload = await read_upload(request, house.pool)
    given = query.model_dump(include=query.model_fields_set)
    options = parse_options(FeaturesOptions, given | upload.fields, where="options")
    findings = await _run(request, house, upload.image, {"features": options})
    return _json(FeaturesReply.of(findings))


@router.post(
    "/analyze",
    response_model=Findings,
    openapi_extra=image_body(
        pipelines={"type": "array", "items": {"type": "string", "enum": list(OPTIONS)}},
        **{name: {"$ref": f"#/components/schemas/{kind.__name__}"} for name, kind in OPTIONS.items()},
    ),
)
async def analyze(
    request: Request,
    house: ReadyHouse,
    pipelines: Annotated[str | None, Query(description="comma-separated; all that are loaded by default")] = None,
) -> Response:
    """Any set of pipelines over one decode of one image, and one text block for a prompt.

    Each pipeline's options go under its name: an object in a JSON body, JSON text in a form field.
    """
    upload = await read_upload(request, house.pool)
    fields = dict(upload.fields)
    names = _names(fields.pop("pipelines", None) or pipelines, house.engine.pipelines)
    tasks = {name: parse_options(OPTIONS[name], _object(name, fields.pop(name, {})), where=name) for name in names}
    if fields:
        raise RequestRejected(f"unknown fields: {', '.join(sorted(fields))}")
    return _json(await _run(request, house, upload.image, tasks))


async def _run(request: Request, house: ReadyHouse, image: bytes, tasks: Mapping[str, BaseModel]) -> Findings:
    deadline = monotonic() + house.settings.request_seconds
    findings = await unless_gone(request, house.engine.run(image, tasks, deadline=deadline))
    request.app.state.metrics.observe_timings(findings.timings)
    return findings


def _names(given: Any, known: tuple[str, ...]) -> list[str]:
    """Pipelines from "a,b" or ["a", "b"], each once; everything that is loaded when nothing is given."""
    names = given.split(",") if isinstance(given, str) else given or list(known)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestRejected("pipelines: give names, comma-separated or as a list")
    names = list(dict.fromkeys(name.strip() for name in names))
    if unknown := [name for name in names if name not in known]:
        raise RequestRejected(f"pipelines: no {', '.join(map(repr, unknown))} here; there are: {', '.join(known)}")
    return names


def _object(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"{name}: the form field is not JSON: {cause}") from cause


def _json(reply: BaseModel) -> Response:
    return Response(reply.model_dump_json(exclude_none=True), media_type="application/json")
