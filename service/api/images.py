"""Routes that look at one image now and answer in the response."""

from collections.abc import Mapping
from time import monotonic
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from pipelines.captioning import FeaturesOptions
from pipelines.documents.options import DocumentsOptions
from pipelines.errors import RequestRejected
from pipelines.explain import ExplainOptions
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.sanitize import SanitizeOptions
from service.intake import parse_options, read_upload, unless_gone
from service.schemas import PROBLEMS, ExplainReply, FacesReply, FeaturesReply, image_body
from service.state import ReadyHouse

router = APIRouter(prefix="/v1", tags=["images"], responses=PROBLEMS)

OptionsT = TypeVar("OptionsT", bound=BaseModel)

# The pipelines that `/v1/analyze` can run, and the options that each takes from a request.
OPTIONS: dict[str, type[BaseModel]] = {
    "moderation": ModerationOptions,
    "features": FeaturesOptions,
    "faces": FacesOptions,
    "explain": ExplainOptions,
    "document": DocumentsOptions,
}
BY_DEFAULT = ("moderation", "features", "faces")


class Gated(BaseModel):
    """Beside the pipelines' own options."""

    gate: bool


@router.post("/features", response_model=FeaturesReply, openapi_extra=image_body())
async def features(request: Request, house: ReadyHouse, query: Annotated[FeaturesOptions, Query()]) -> Response:
    """Captioning features of one image: embedding, tags, colours, and a text block for a prompt.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    image, options = await _read(request, house, query)
    return _json(FeaturesReply.of(await run(request, house, image, {"features": options})))


@router.post("/faces", response_model=FacesReply, openapi_extra=image_body())
async def faces(request: Request, house: ReadyHouse, query: Annotated[FacesOptions, Query()]) -> Response:
    """Where faces are, how they are turned, and how good an avatar each would make; none is an answer, too.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    image, options = await _read(request, house, query)
    return _json(FacesReply.of(await run(request, house, image, {"faces": options})))


@router.post(
    "/avatars",
    response_class=Response,
    responses={200: {"content": {"image/png": {}, "image/webp": {}}, "description": "The avatar"}},
    openapi_extra=image_body(),
)
async def avatars(request: Request, house: ReadyHouse, query: Annotated[AvatarOptions, Query()]) -> Response:
    """One face as an avatar: aligned by its eyes, framed with its hair, square or circle, PNG or WebP.

    Where no face is good enough the answer is a problem of type `no-suitable-face` that lists what was found.
    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    image, options = await _read(request, house, query)
    findings = await run(request, house, image, {"avatar": options})
    assert findings.avatar is not None
    headers = {
        "X-KernelSight-Result-Id": findings.result_id,
        "X-KernelSight-Face": str(findings.avatar.index),
        "X-KernelSight-Face-Box": ",".join(map(str, findings.avatar.face.box)),
    }
    return Response(findings.avatar.data, media_type=findings.avatar.media_type, headers=headers)


class ExplainQuery(ExplainOptions):
    format: Literal["json", "png"] = Field(default="json", description="png: the first overlay as image/png")

    @property
    def options(self) -> ExplainOptions:
        given = self.model_dump(exclude={"format"})
        return ExplainOptions.model_validate(given | {"overlay": True} if self.format == "png" else given)


@router.post(
    "/explain",
    response_model=ExplainReply,
    responses={200: {"content": {"image/png": {}}, "description": "What speaks for each tag, cell by cell"}},
    openapi_extra=image_body(),
)
async def explain(request: Request, house: ReadyHouse, query: Annotated[ExplainQuery, Query()]) -> Response:
    """Which places of the image speak for the best tags, or for a class that is named: exact parts of its logit.

    A model whose answers have no exact parts gives a problem of type `explanation-unavailable`.
    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    image, asked = await _read(request, house, query)
    findings = await run(request, house, image, {"explain": asked.options})
    if asked.format == "json":
        return _json(ExplainReply.of(findings))
    assert findings.explain is not None
    headers = {"X-KernelSight-Result-Id": findings.result_id}
    return Response(findings.explain.explanations[0].overlay, media_type="image/png", headers=headers)


@router.post(
    "/sanitize",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}, "description": "The clean image"}
    },
    openapi_extra=image_body(),
)
async def sanitize(request: Request, house: ReadyHouse, query: Annotated[SanitizeOptions, Query()]) -> Response:
    """The image made anew from its pixels: upright, in sRGB, no metadata, nothing else from the file.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    image, options = await _read(request, house, query)
    findings = await run(request, house, image, {"sanitize": options})
    assert findings.sanitize is not None
    headers = {
        "X-KernelSight-Result-Id": findings.result_id,
        "X-KernelSight-Frames": str(findings.sanitize.frames),
    }
    return Response(findings.sanitize.data, media_type=findings.sanitize.media_type, headers=headers)


@router.post(
    "/analyze",
    response_model=Findings,
    openapi_extra=image_body(
        pipelines={"type": "array", "items": {"type": "string", "enum": list(OPTIONS)}},
        gate={"type": "boolean", "default": True},
        **{name: {"$ref": f"#/components/schemas/{kind.__name__}"} for name, kind in OPTIONS.items()},
    ),
)
async def analyze(
    request: Request,
    house: ReadyHouse,
    pipelines: Annotated[str | None, Query(description=f"comma-separated; by default {', '.join(BY_DEFAULT)}")] = None,
    gate: Annotated[bool, Query(description="moderation first; what it blocks is withheld from the others")] = True,
) -> Response:
    """Any set of pipelines over one decode of one image or PDF, and one text block for a prompt.

    Of a PDF, `document` reads all pages and the others see the first.

    Where moderation is among them it runs first, and the others never see an image that it blocks.
    Each pipeline's options go under its name: an object in a JSON body, JSON text in a form field.
    """
    upload = await read_upload(request, house.pool, house.fetcher)
    fields = dict(upload.fields)
    gate = parse_options(Gated, {"gate": fields.pop("gate", gate)}, where="options").gate
    names = _names(fields.pop("pipelines", None) or pipelines or list(BY_DEFAULT), tuple(OPTIONS))
    tasks = {name: parse_options(OPTIONS[name], _object(name, fields.pop(name, {})), where=name) for name in names}
    if fields:
        raise RequestRejected(f"unknown fields: {', '.join(sorted(fields))}")
    return _json(await run(request, house, upload.image, tasks, gate=gate))


async def _read(request: Request, house: ReadyHouse, query: OptionsT) -> tuple[bytes, OptionsT]:
    """The image, and the options from query and body."""
    upload = await read_upload(request, house.pool, house.fetcher)
    given = query.model_dump(include=query.model_fields_set)
    return upload.image, parse_options(type(query), given | upload.fields, where="options")


async def run(
    request: Request, house: ReadyHouse, image: bytes, tasks: Mapping[str, BaseModel], *, gate: bool = False
) -> Findings:
    deadline = monotonic() + house.settings.request_seconds
    findings = await unless_gone(request, house.engine.run(image, tasks, deadline=deadline, gate=gate))
    request.app.state.metrics.observe_timings(findings.timings)
    return findings


def _names(given: Any, known: tuple[str, ...]) -> list[str]:
    """Pipelines from "a,b" or ["a", "b"], each once."""
    names = given.split(",") if isinstance(given, str) else given
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
