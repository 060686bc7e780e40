"""What people say of results: taken in, summed up, and what they dispute, for review."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from service.audit.errors import AuditOff
from service.audit.journal import START
from service.feedback.desk import Desk
from service.feedback.types import DisputePage, FeedbackReply, FeedbackRequest, Summary
from service.schemas import PROBLEMS, ProblemBody
from service.state import ReadyWatch

_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemBody, "description": "No such result", "content": {"application/problem+json": {}}}
}

router = APIRouter(prefix="/v1/feedback", tags=["feedback"], responses=PROBLEMS | _UNKNOWN)


async def ready_desk(watch: ReadyWatch) -> Desk:
    """Raises AuditOff or NotReady."""
    if watch.feedback is None:
        raise AuditOff
    return watch.feedback


ReadyDesk = Annotated[Desk, Depends(ready_desk)]


@router.post("", response_model_exclude_none=True)
async def feedback(desk: ReadyDesk, given: FeedbackRequest) -> FeedbackReply:
    """Say whether a result was right, and if not what would have been. Said again of the same result it replaces what
    was said before.

    `expected` is a verdict or a category for moderation, a label or a group for features, a number for faces.
    """
    return await desk.submit(given)


@router.get("/summary")
async def summary(desk: ReadyDesk) -> Summary:
    """Precision, recall, support and confusion for each category, over the last judgements of each pipeline."""
    return await desk.summary()


@router.get("/disputed", response_model_exclude_none=True)
async def disputed(
    desk: ReadyDesk, after: str = START, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DisputePage:
    """Results that people call wrong, with what they expected and the whole record, the oldest first."""
    return await desk.disputed(after, limit)
