"""Custom categories: train one from example images, look at what it is worth, score with it, remove it."""

import asyncio

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from models.errors import DeadlineExceeded
from pipelines.errors import RequestRejected
from pipelines.moderation.categories import EMBEDDING, Sample, Trained, score_of
from service.category_schemas import (
    CATEGORY_PROBLEMS,
    CategoryList,
    CategoryReply,
    CategorySummary,
    ScoreReply,
    training_body,
)
from service.composition import House
from service.intake import read_ask, unless_gone
from service.operations.operation import look
from service.operations.table import FEATURES
from service.schemas import PROBLEMS, image_body
from service.state import ReadyHouse

TRAINING = "PUT /v1/categories/"  # what has a body limit of its own
MOST_IMAGES = 400

router = APIRouter(prefix="/v1/categories", tags=["categories"], responses=PROBLEMS | CATEGORY_PROBLEMS)


@router.get("")
async def categories(house: ReadyHouse) -> CategoryList:
    """Every category, whether it can be used here, and how well it did in its cross-validation."""
    entries, encoder = (await house.heads.current()).entries, house.categories.encoder
    return CategoryList(categories=[CategorySummary.of(entry, encoder) for entry in entries])


@router.get("/{name}", response_model=CategoryReply)
async def category(house: ReadyHouse, name: str) -> Response:
    """A category's report: what it scored on images that it had not seen, at several thresholds."""
    heads = await house.heads.current()
    return _json(CategoryReply.of(heads.get(name), skipped=[]))


@router.put("/{name}", response_model=CategoryReply, openapi_extra=training_body())
async def train(request: Request, house: ReadyHouse, name: str, replace: bool = False) -> Response:
    """Train a category from images of it (`positive`) and of everything else (`negative`), 10 of each at least.

    It scores from this answer on, without a restart. Images that cannot be read are skipped and listed.
    """
    house.categories.heads.check_free(name, replace=replace)
    try:
        async with asyncio.timeout(house.settings.training_seconds), house.categories.turn():
            trained = await _train(request, house, name, replace)
    except TimeoutError:
        raise DeadlineExceeded("the training") from None
    return _json(CategoryReply.of(trained.head, skipped=trained.skipped))


@router.delete("/{name}", status_code=204, response_class=Response)
async def remove(house: ReadyHouse, name: str) -> None:
    """Remove a category; policies that name it have no score for it from now on."""
    heads = await house.heads.current()
    await house.pool.run(heads.remove, name)


@router.post("/{name}/score", response_model=ScoreReply, openapi_extra=image_body())
async def score(request: Request, house: ReadyHouse, name: str) -> Response:
    """The probability that an image belongs to a category, to try it out before a policy relies on it."""
    head = (await house.heads.current()).get(name)
    head.check(house.categories.encoder)
    ask = await read_ask(request, house.pool)
    if ask.fields:
        raise RequestRejected(f"unknown fields: {', '.join(sorted(ask.fields))}")
    findings = await unless_gone(request, look(house, ask.image, {"features": EMBEDDING}, FEATURES.now(house)))
    return _json(ScoreReply.of(head, score_of(head, findings), findings))


async def _train(request: Request, house: House, name: str, replace: bool) -> Trained:
    async with request.form(max_files=MOST_IMAGES, max_fields=0) as form:
        if unknown := form.keys() - {"positive", "negative"}:
            raise RequestRejected(f"unknown fields: {', '.join(sorted(unknown))}")
        positives, negatives = _samples(form, "positive"), _samples(form, "negative")
        return await unless_gone(request, house.categories.train(name, positives, negatives, replace=replace))


def _samples(form: FormData, field: str) -> list[Sample]:
    files = [file for file in form.getlist(field) if isinstance(file, UploadFile)]
    return [Sample(f"{field} {number}: {file.filename}", file.read) for number, file in enumerate(files, 1)]


def _json(reply: BaseModel) -> Response:
    return Response(reply.model_dump_json(exclude_none=True), media_type="application/json")
