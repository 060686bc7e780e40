"""What people say of results: taken in, summed up, and what they dispute, for review."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from service.http.dependencies import ReadyComponents, ReadyMonitors
from service.http.openapi import PROBLEMS, ProblemBody
from service.monitoring.audit.log import START
from service.monitoring.canaries.results import CanaryResult
from service.monitoring.errors import AuditOff
from service.monitoring.feedback.aggregator import Desk
from service.monitoring.feedback.types import DisputePage, FeedbackReply, FeedbackRequest, Summary
from service.monitoring.quality.report import QualityReport

_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemBody, "description": "No such result", "content": {"application/problem+json": {}}}
}

router = APIRouter(prefix="/v1")


async def ready_desk(monitors: ReadyMonitors) -> Desk:
    """Raises AuditOff or NotReady."""
    if monitors.feedback is None:
        raise AuditOff
    return monitors.feedback


ReadyDesk = Annotated[Desk, Depends(ready_desk)]


@router.post("/feedback", tags=["feedback"], responses=PROBLEMS | _UNKNOWN, response_model_exclude_none=True)
async def feedback(desk: ReadyDesk, given: FeedbackRequest) -> FeedbackReply:
    """Say whether a result was right, and if not what would have been. Said again of the same result it replaces what
    was said before.

    `expected` is a verdict or a category for moderation, a label or a group for features, a number for faces.
    """
    return await desk.submit(given)


@router.get("/feedback/summary", tags=["feedback"], responses=PROBLEMS | _UNKNOWN)
async def summary(desk: ReadyDesk) -> Summary:
    """Precision, recall, support and confusion for each category, over the last judgements of each pipeline."""
    return await desk.summary()


@router.get("/feedback/disputed", tags=["feedback"], responses=PROBLEMS | _UNKNOWN, response_model_exclude_none=True)
async def disputed(
    desk: ReadyDesk, after: str = START, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DisputePage:
    """Results that people call wrong, with what they expected and the whole record, the oldest first."""
    return await desk.disputed(after, limit)


class CanaryReport(BaseModel):
    """One result for each golden set that has been run."""

    sets: list[CanaryResult]


@router.get("/canaries", tags=["operation"], responses=PROBLEMS)
async def canaries(monitors: ReadyMonitors) -> CanaryReport:
    """The last run of each golden set: accuracy by pipeline, flips, and every answer."""
    return CanaryReport(sets=monitors.canaries.results)


Observations = Annotated[int | None, Query(ge=500, le=1_000_000, description="KERNELSIGHT_REFERENCE_OBSERVATIONS")]


@router.get("/quality", tags=["quality"], responses=PROBLEMS)
async def quality(monitors: ReadyMonitors) -> QualityReport:
    """Each subject's drift in this process: its window beside its reference, bin by bin."""
    return monitors.quality.report()


@router.post("/quality/reference", tags=["quality"], responses=PROBLEMS, status_code=202)
async def capture(
    components: ReadyComponents, monitors: ReadyMonitors, observations: Observations = None
) -> QualityReport:
    """Make this process's next answers the reference of all; until there are enough the old one is compared with."""
    monitors.quality.capture(observations or components.settings.reference_observations, "traffic")
    return monitors.quality.report()
