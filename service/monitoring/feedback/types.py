"""What comes in as feedback, what is kept of it, and what it comes to."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.monitoring.audit.record import Kept, Record

Said = Literal["right", "wrong"]
Labels = dict[str, int]  # how often an answer has each category: faces may be several
Expected = Annotated[int, Field(strict=True, ge=0, le=10_000)] | Annotated[str, Field(min_length=1, max_length=500)]


class FeedbackRequest(BaseModel):
    """`expected` is what would have been right: of moderation a verdict or a category, of features a label or a group,
    of faces how many, of a document some words about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    result_id: str = Field(max_length=64)
    pipeline: str | None = Field(default=None, max_length=64, description="needed where the result has several")
    verdict: Said
    expected: Expected | None = None
    comment: str | None = Field(default=None, max_length=1_000)


class Judgement(Kept):
    """What is kept of feedback to count it: categories that the answer had, and those that it should have had.

    `expected` is None where nobody said.
    """

    result_id: str
    pipeline: str
    at: float
    verdict: Said
    said: Labels
    expected: Labels | None = None


class FeedbackReply(Judgement):
    replaced: bool = Field(description="there was feedback on this result before, which counts no more")


class Dispute(Kept):
    """A case for people to look at; what they were told in words is only here."""

    result_id: str
    pipeline: str
    at: float
    said: Labels
    expected: Expected | None = None
    comment: str | None = None
    record: Record


class DisputePage(BaseModel):
    """Oldest first; `next` is the cursor for `after`, also when there is no more for now."""

    data: list[Dispute]
    next: str


class CategorySummary(BaseModel):
    """`support` is how often it was right to be expected; precision and recall are null where nothing tells them."""

    category: str
    precision: float | None
    recall: float | None
    support: int


class Confusion(BaseModel):
    said: str
    expected: str
    count: int


class PipelineSummary(BaseModel):
    judgements: int
    right: int
    wrong: int
    categories: list[CategorySummary]
    confusion: list[Confusion]


class Summary(BaseModel):
    """Over the last judgements of each pipeline, at most `window`, not older than `days`."""

    window: int
    days: int
    pipelines: dict[str, PipelineSummary]
