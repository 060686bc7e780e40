"""The routes for custom categories: list, show, train, score and remove."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from models.errors import DeadlineExceeded
from pipelines.errors import RequestRejected
from pipelines.moderation.categories.custom_categories import (
    EMBEDDING_OPTIONS,
    TrainingImage,
    TrainingResult,
    score_findings,
)
from pipelines.moderation.categories.training import MIN_IMAGES
from service.components import Components
from service.http.dependencies import ReadyComponents, requires
from service.http.forms import open_form
from service.http.openapi import PROBLEM_RESPONSES, image_body, problems
from service.http.operations import cancel_on_disconnect, read_form_or_json
from service.operations.categories import CategoryList, CategoryReply, CategoryScoreReply, CustomCategorySummary
from service.operations.operation import run_engine
from service.operations.registry import FEATURES


def training_body() -> dict[str, Any]:
    """OpenAPI for a form with positive and negative images."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": MIN_IMAGES}
    kinds = {"positive": files, "negative": files}
    form = {"type": "object", "properties": kinds, "required": list(kinds)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


LARGE_BODY_ROUTE = "PUT /v1/categories/"  # has its own body limit

MAX_IMAGES = 400

router = APIRouter(
    prefix="/v1/categories",
    tags=["categories"],
    responses=PROBLEM_RESPONSES | problems(404, 409),
    dependencies=[requires("operate")],
)


@router.get("")
async def categories(components: ReadyComponents) -> CategoryList:
    """Every category, whether it can be used here, and how well it did in its cross-validation."""
    entries, encoder = (await components.heads.current()).entries, components.categories.encoder
    return CategoryList(categories=[CustomCategorySummary.of(entry, encoder) for entry in entries])


@router.get("/{name}", response_model=CategoryReply)
async def category(components: ReadyComponents, name: str) -> Response:
    """A category's report: precision and recall on images that it was not trained on, at several thresholds."""
    heads = await components.heads.current()
    return _json_response(CategoryReply.of(heads.get(name), skipped=[]))


@router.put("/{name}", response_model=CategoryReply, openapi_extra=training_body())
async def train(request: Request, components: ReadyComponents, name: str, replace: bool = False) -> Response:
    """Train a category from images of it (`positive`) and of everything else (`negative`), at least 10 of each.

    Once the request is answered, the category scores without a restart. Unreadable images are skipped and listed.
    """
    components.categories.heads.check_free(name, replace=replace)
    try:
        async with (
            asyncio.timeout(components.settings.limits.training_seconds),
            components.categories.reserve_training(),
        ):
            trained = await _train(request, components, name, replace)
    except TimeoutError:
        raise DeadlineExceeded("the training") from None
    return _json_response(CategoryReply.of(trained.head, skipped=trained.skipped))


@router.delete("/{name}", status_code=204, response_class=Response)
async def remove(components: ReadyComponents, name: str) -> None:
    """Remove a category; policies that name it no longer get a score for it."""
    heads = await components.heads.current()
    await components.pool.run(heads.remove, name)


@router.post("/{name}/score", response_model=CategoryScoreReply, openapi_extra=image_body())
async def score(request: Request, components: ReadyComponents, name: str) -> Response:
    """The probability that an image belongs to a category, to try a category before a policy uses it."""
    head = (await components.heads.current()).get(name)
    head.check_encoder(components.categories.encoder)
    body = await read_form_or_json(request, components)
    if body.fields:
        raise RequestRejected(f"unknown fields: {', '.join(sorted(body.fields))}")
    limits = FEATURES.interactive_limits(components)
    run = run_engine(components, body.image, {"features": EMBEDDING_OPTIONS}, limits)
    findings = await cancel_on_disconnect(request, run)
    return _json_response(CategoryScoreReply.of(head, score_findings(head, findings), findings))


async def _train(request: Request, components: Components, name: str, replace: bool) -> TrainingResult:
    async with open_form(request, components.settings.limits, max_files=MAX_IMAGES, max_fields=0) as form:
        if unknown := form.keys() - {"positive", "negative"}:
            raise RequestRejected(f"unknown fields: {', '.join(sorted(unknown))}")
        positives, negatives = _training_images(form, "positive"), _training_images(form, "negative")
        training = components.categories.train(name, positives, negatives, replace=replace)
        return await cancel_on_disconnect(request, training)


def _training_images(form: FormData, field: str) -> list[TrainingImage]:
    files = [file for file in form.getlist(field) if isinstance(file, UploadFile)]
    return [TrainingImage(f"{field} {number}: {file.filename}", file.read) for number, file in enumerate(files, 1)]


def _json_response(reply: BaseModel) -> Response:
    return Response(reply.model_dump_json(exclude_none=True), media_type="application/json")
