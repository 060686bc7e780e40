"""The values of feedback: requests, stored judgements and disputes, and their summary."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.monitoring.audit.record import AuditRecord, RecordedValue

FeedbackVerdict = Literal["right", "wrong"]
LabelCounts = dict[str, int]  # how often an answer has each label: there may be several faces
ExpectedAnswer = (
    Annotated[int, Field(strict=True, ge=0, le=10_000)] | Annotated[str, Field(min_length=1, max_length=500)]
)


class FeedbackRequest(BaseModel):
    """`expected` is the right answer: for moderation a verdict or a category, for features a label or a group, for
    faces their number, for a document some words about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    result_id: str = Field(max_length=64)
    pipeline: str | None = Field(default=None, max_length=64, description="needed where the result has several")
    verdict: FeedbackVerdict
    expected: ExpectedAnswer | None = None
    comment: str | None = Field(default=None, max_length=1_000)


class Judgement(RecordedValue):
    """Feedback as it is stored for counting: the labels that the answer had, and those that it should have had.

    `expected` is None where the feedback does not tell.
    """

    result_id: str
    pipeline: str
    at: float
    verdict: FeedbackVerdict
    said: LabelCounts
    expected: LabelCounts | None = None


class FeedbackReply(Judgement):
    replaced: bool = Field(description="whether earlier feedback on this result no longer counts")


class Dispute(RecordedValue):
    """A case for people to review; only here are the words that people wrote."""

    result_id: str
    pipeline: str
    at: float
    said: LabelCounts
    expected: ExpectedAnswer | None = None
    comment: str | None = None
    record: AuditRecord


class DisputePage(BaseModel):
    """Oldest first; `next` is the cursor for `after`, even when there are no more cases yet."""

    data: list[Dispute]
    next: str


class CategoryFeedback(BaseModel):
    """`support` is how often the category was right; precision and recall are null where they cannot be computed."""

    category: str
    precision: float | None
    recall: float | None
    support: int


class ConfusionCount(BaseModel):
    said: str
    expected: str
    count: int


class PipelineFeedback(BaseModel):
    judgements: int
    right: int
    wrong: int
    categories: list[CategoryFeedback]
    confusion: list[ConfusionCount]


class FeedbackSummary(BaseModel):
    """Over the last judgements of each pipeline: at most `window`, none older than `days`."""

    window: int
    days: int
    pipelines: dict[str, PipelineFeedback]
