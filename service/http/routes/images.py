"""The routes of operations over one image."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pipelines.captioning.options import FeaturesOptions
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.image.sanitize_types import SanitizeOptions
from pipelines.objects.options import ObjectsOptions
from pipelines.registry import ANALYSES, PIPELINES
from pipelines.text.options import TextOptions
from service.http.dependencies import requires
from service.http.openapi import OPERATION_RESPONSES, image_body, model_schema, problems
from service.http.operations import respond
from service.operations.images import AnalyzeQuery, ExplainQuery
from service.operations.registry import ANALYZE, AVATARS, EXPLAIN, FACES, FEATURES, OBJECTS, SANITIZE
from service.operations.schemas import AnalyzeReply, ExplainReply, FacesReply, FeaturesReply, ObjectsReply

router = APIRouter(prefix="/v1", tags=["images"], responses=OPERATION_RESPONSES, dependencies=[requires("analyze")])


@router.post("/features", response_model=FeaturesReply, openapi_extra=image_body())
async def features(request: Request, query: Annotated[FeaturesOptions, Query()]) -> Response:
    """Captioning features of one image: embedding, tags, colours, and a text block for a prompt.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, FEATURES, query)


@router.post("/objects", response_model=ObjectsReply, openapi_extra=image_body())
async def objects(request: Request, query: Annotated[ObjectsOptions, Query()]) -> Response:
    """Objects of 80 everyday classes in an image, and how many of each may be stated as a fact.

    Where the detectors' files are not in the store, the answer is a problem of type `pipeline-unavailable`.
    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, OBJECTS, query)


@router.post("/faces", response_model=FacesReply, openapi_extra=image_body())
async def faces(request: Request, query: Annotated[FacesOptions, Query()]) -> Response:
    """The faces in an image: box, landmarks, pose, and how good an avatar each would make. An image may have none.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, FACES, query)


@router.post(
    "/avatars",
    response_class=Response,
    responses={200: {"content": {"image/png": {}, "image/webp": {}}, "description": "The avatar"}},
    openapi_extra=image_body(),
)
async def avatars(request: Request, query: Annotated[AvatarOptions, Query()]) -> Response:
    """One face as an avatar: aligned by its eyes, framed with its hair, square or circle, PNG or WebP.

    If no face is good enough, the answer is a problem of type `no-suitable-face` that lists the faces that were found.
    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, AVATARS, query)


@router.post(
    "/explain",
    response_model=ExplainReply,
    responses={
        200: {"content": {"image/png": {}}, "description": "Each cell's part of each tag's logit"},
        **problems(501),
    },
    openapi_extra=image_body(),
)
async def explain(request: Request, query: Annotated[ExplainQuery, Query()]) -> Response:
    """How much each place of the image adds to the logits of the best tags, or of a class that is named.

    The parts are exact. A model whose logits have no exact parts gives a problem of type `explanation-unavailable`.
    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, EXPLAIN, query)


@router.post(
    "/sanitize",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}, "description": "The clean image"}
    },
    openapi_extra=image_body(),
)
async def sanitize(request: Request, query: Annotated[SanitizeOptions, Query()]) -> Response:
    """The image encoded anew from its pixels: upright, in sRGB, without metadata or anything else from the file.

    Options go into the query, or beside `image` in a JSON body; the body wins.
    """
    return await respond(request, SANITIZE, query)


@router.post(
    "/analyze",
    response_model=AnalyzeReply,
    openapi_extra=image_body(
        pipelines={"type": "array", "items": {"type": "string", "enum": list(ANALYSES)}},
        gate={"type": "boolean", "default": True},
        describe={"type": "boolean", "default": False},
        prompt_style={"type": "string", "enum": ["short", "full"], "default": "short"},
        **{name: model_schema(PIPELINES[name].options) for name in ANALYSES if name != "text"},
        text={
            "oneOf": [
                {"type": "string", "enum": ["auto", "off", "full"], "default": "auto"},
                model_schema(TextOptions),
            ]
        },
    ),
)
async def analyze(request: Request, query: Annotated[AnalyzeQuery, Query()]) -> Response:
    """Any set of pipelines over one decode of one image or PDF, and one text block for a prompt.

    Of a PDF, `document` reads all pages and the other pipelines get the first. Where no pipelines are named, a PDF or a
    TIFF of several pages is read without being asked for, up to a number of pages.

    If moderation is among the pipelines, it runs first, over every page that is read, and the others never get what it
    blocks. Each pipeline's options go under its name: an object in a JSON body, JSON text in a form field.
    """
    return await respond(request, ANALYZE, query)
