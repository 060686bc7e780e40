"""The reply bodies about custom categories, for the routes and the command line."""

from typing import Literal

from pydantic import BaseModel

from pipelines.findings import Findings
from pipelines.moderation.categories.custom_categories import SkippedImage
from pipelines.moderation.categories.head import Head, HeadFacts
from pipelines.moderation.categories.store import StoredHead
from pipelines.moderation.errors import HeadMismatch
from pipelines.types import ImageInfo, ModelUsed


class CustomCategorySummary(BaseModel):
    """A category with `state` mismatch was trained on another encoder and is not used. `problem` gives the reason."""

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
    def of(cls, entry: StoredHead, encoder: ModelUsed) -> "CustomCategorySummary":
        if entry.head is None:
            return cls(name=entry.name, state="broken", problem=entry.problem)
        problem = entry.problem
        state: Literal["ready", "mismatch", "broken"] = "broken" if problem else "ready"
        try:
            entry.head.check_encoder(encoder)
        except HeadMismatch as mismatch:
            state, problem = "mismatch", str(mismatch)
        report, training = entry.head.report, entry.head.training
        return cls(
            name=entry.name,
            state=state,
            problem=problem,
            version=entry.head.version,
            positives=training.positives,
            negatives=training.negatives,
            roc_auc=report.roc_auc,
            review_threshold=report.review_threshold,
            block_threshold=report.block_threshold,
        )


class CategoryList(BaseModel):
    categories: list[CustomCategorySummary]


class CategoryReply(HeadFacts):
    """A category's facts; `skipped` are images that its training could not read."""

    skipped: list[SkippedImage]

    @classmethod
    def of(cls, head: Head, *, skipped: list[SkippedImage]) -> "CategoryReply":
        return cls.model_construct(**dict(head.facts), skipped=skipped)


class CategoryScoreReply(BaseModel):
    """`score` is the probability that the image belongs to the category."""

    name: str
    version: str
    score: float
    result_id: str
    image: ImageInfo
    models: list[ModelUsed]
    timings: dict[str, float]

    @classmethod
    def of(cls, head: Head, score: float, findings: Findings) -> "CategoryScoreReply":
        return cls(
            name=head.name, version=head.version, score=score,
            result_id=findings.result_id, image=findings.image, models=findings.models, timings=findings.timings,
        )  # fmt: skip
