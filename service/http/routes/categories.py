"""Custom categories: train one from example images, look at what it is worth, score with it, remove it."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from models.errors import DeadlineExceeded
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.moderation.categories.custom_categories import EMBEDDING, Sample, Skipped, Trained, score_of
from pipelines.moderation.categories.head import Head, HeadFacts
from pipelines.moderation.categories.store import Entry
from pipelines.moderation.categories.training import LEAST
from pipelines.moderation.errors import HeadMismatch
from pipelines.types import ImageInfo, ModelUsed
from service.components import Components
from service.http.dependencies import ReadyComponents
from service.http.openapi import PROBLEMS, image_body
from service.http.request_parsing import read_ask, unless_gone
from service.operations.operation import run_engine
from service.operations.registry import FEATURES

CATEGORY_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: PROBLEMS[422] | {"description": "There is no such category"},
    409: PROBLEMS[422] | {"description": "There is one already, or it belongs to another encoder"},
}


class CategorySummary(BaseModel):
    """`state`: a mismatch was trained on another encoder and is not used. `problem` says why, or what is wrong."""

    name: str
    state: Literal["ready", "mismatch", "broken"]
    problem: str | None
    version: str | None = None
    positives: int | None = None
    negatives: int | None = None
    roc_auc: float | None = None
    review_threshold: float | None = None
    block_threshold: float | None = None

    @classmethod
    def of(cls, entry: Entry, encoder: ModelUsed) -> "CategorySummary":
        if entry.head is None:
            return cls(name=entry.name, state="broken", problem=entry.problem)
        state: Literal["ready", "mismatch", "broken"] = "broken" if entry.problem else "ready"
        problem = entry.problem
        try:
            entry.head.check(encoder)
        except HeadMismatch as mismatch:
            state, problem = "mismatch", str(mismatch)
        report, images = entry.head.report, entry.head.training
        return cls(
            name=entry.name,
            state=state,
            problem=problem,
            version=entry.head.version,
            positives=images.positives,
            negatives=images.negatives,
            roc_auc=report.roc_auc,
            review_threshold=report.review_threshold,
            block_threshold=report.block_threshold,
        )


class CategoryList(BaseModel):
    categories: list[CategorySummary]


class CategoryReply(HeadFacts):
    """What is known of a category; `skipped` are images that its training could not read."""

    skipped: list[Skipped]

    @classmethod
    def of(cls, head: Head, *, skipped: list[Skipped]) -> "CategoryReply":
        return cls.model_construct(**dict(head.facts), skipped=skipped)


class ScoreReply(BaseModel):
    """`score` is the probability that the image belongs to the category."""

    name: str
    version: str
    score: float
    result_id: str
    image: ImageInfo
    models: list[ModelUsed]
    timings: dict[str, float]

    @classmethod
    def of(cls, head: Head, score: float, findings: Findings) -> "ScoreReply":
        return cls(
            name=head.name, version=head.version, score=score,
            result_id=findings.result_id, image=findings.image, models=findings.models, timings=findings.timings,
        )  # fmt: skip


def training_body() -> dict[str, Any]:
    """OpenAPI for a form with many images of two kinds."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": LEAST}
    kinds = {"positive": files, "negative": files}
    form = {"type": "object", "properties": kinds, "required": list(kinds)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


TRAINING = "PUT /v1/categories/"  # what has a body limit of its own

MOST_IMAGES = 400

router = APIRouter(prefix="/v1/categories", tags=["categories"], responses=PROBLEMS | CATEGORY_PROBLEMS)


@router.get("")
async def categories(components: ReadyComponents) -> CategoryList:
    """Every category, whether it can be used here, and how well it did in its cross-validation."""
    entries, encoder = (await components.heads.current()).entries, components.categories.encoder
    return CategoryList(categories=[CategorySummary.of(entry, encoder) for entry in entries])


@router.get("/{name}", response_model=CategoryReply)
async def category(components: ReadyComponents, name: str) -> Response:
    """A category's report: what it scored on images that it had not seen, at several thresholds."""
    heads = await components.heads.current()
    return _json(CategoryReply.of(heads.get(name), skipped=[]))


@router.put("/{name}", response_model=CategoryReply, openapi_extra=training_body())
async def train(request: Request, components: ReadyComponents, name: str, replace: bool = False) -> Response:
    """Train a category from images of it (`positive`) and of everything else (`negative`), 10 of each at least.

    It scores from this answer on, without a restart. Images that cannot be read are skipped and listed.
    """
    components.categories.heads.check_free(name, replace=replace)
    try:
        async with asyncio.timeout(components.settings.training_seconds), components.categories.turn():
            trained = await _train(request, components, name, replace)
    except TimeoutError:
        raise DeadlineExceeded("the training") from None
    return _json(CategoryReply.of(trained.head, skipped=trained.skipped))


@router.delete("/{name}", status_code=204, response_class=Response)
async def remove(components: ReadyComponents, name: str) -> None:
    """Remove a category; policies that name it have no score for it from now on."""
    heads = await components.heads.current()
    await components.pool.run(heads.remove, name)


@router.post("/{name}/score", response_model=ScoreReply, openapi_extra=image_body())
async def score(request: Request, components: ReadyComponents, name: str) -> Response:
    """The probability that an image belongs to a category, to try it out before a policy relies on it."""
    head = (await components.heads.current()).get(name)
    head.check(components.categories.encoder)
    ask = await read_ask(request, components.pool)
    if ask.fields:
        raise RequestRejected(f"unknown fields: {', '.join(sorted(ask.fields))}")
    findings = await unless_gone(
        request, run_engine(components, ask.image, {"features": EMBEDDING}, FEATURES.now(components))
    )
    return _json(ScoreReply.of(head, score_of(head, findings), findings))


async def _train(request: Request, components: Components, name: str, replace: bool) -> Trained:
    async with request.form(max_files=MOST_IMAGES, max_fields=0) as form:
        if unknown := form.keys() - {"positive", "negative"}:
            raise RequestRejected(f"unknown fields: {', '.join(sorted(unknown))}")
        positives, negatives = _samples(form, "positive"), _samples(form, "negative")
        return await unless_gone(request, components.categories.train(name, positives, negatives, replace=replace))


def _samples(form: FormData, field: str) -> list[Sample]:
    files = [file for file in form.getlist(field) if isinstance(file, UploadFile)]
    return [Sample(f"{field} {number}: {file.filename}", file.read) for number, file in enumerate(files, 1)]


def _json(reply: BaseModel) -> Response:
    return Response(reply.model_dump_json(exclude_none=True), media_type="application/json")
