"""Response bodies of custom categories, and OpenAPI for the form that trains one."""

from typing import Any, Literal

from pydantic import BaseModel

from pipelines.findings import Findings
from pipelines.moderation.categories import Skipped
from pipelines.moderation.errors import HeadMismatch
from pipelines.moderation.head_store import Entry
from pipelines.moderation.heads import Head, HeadFacts
from pipelines.moderation.training import LEAST
from pipelines.types import ImageInfo, ModelUsed
from service.schemas import PROBLEMS

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
