"""The routes for feedback, canaries and quality."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from service.http.dependencies import CurrentCaller, ReadyComponents, ReadyMonitors, requires
from service.http.openapi import PROBLEM_RESPONSES, json_body, problems
from service.http.operations import read_json
from service.monitoring.audit.log import START
from service.monitoring.canaries.results import CanaryResult
from service.monitoring.errors import AuditOff
from service.monitoring.feedback.aggregator import FeedbackAggregator
from service.monitoring.feedback.types import DisputePage, FeedbackReply, FeedbackRequest, FeedbackSummary
from service.monitoring.quality.report import QualityReport

_FEEDBACK_PROBLEMS = PROBLEM_RESPONSES | problems(404)

router = APIRouter(prefix="/v1")


async def ready_feedback(monitors: ReadyMonitors) -> FeedbackAggregator:
    """Raises AuditOff or NotReady."""
    if monitors.feedback is None:
        raise AuditOff
    return monitors.feedback


ReadyFeedback = Annotated[FeedbackAggregator, Depends(ready_feedback)]


@router.post(
    "/feedback",
    tags=["feedback"],
    responses=_FEEDBACK_PROBLEMS,
    response_model_exclude_none=True,
    dependencies=[requires("feedback")],
    openapi_extra=json_body(FeedbackRequest),
)
async def feedback(
    request: Request, components: ReadyComponents, aggregator: ReadyFeedback, caller: CurrentCaller
) -> FeedbackReply:
    """State whether a result was right, and if not, what was expected; this replaces earlier feedback on the result.

    `expected` is a verdict or a category for moderation, a label or a group for features, a number for faces.
    """
    return await aggregator.submit(await read_json(request, components, FeedbackRequest), caller)


@router.get(
    "/feedback/summary", tags=["feedback"], responses=_FEEDBACK_PROBLEMS, dependencies=[requires("read-metrics")]
)
async def summary(aggregator: ReadyFeedback) -> FeedbackSummary:
    """Precision, recall, support and confusion for each category, over the latest feedback on each pipeline."""
    return await aggregator.summary()


@router.get(
    "/feedback/disputed",
    tags=["feedback"],
    dependencies=[requires("feedback")],
    responses=_FEEDBACK_PROBLEMS,
    response_model_exclude_none=True,
)
async def disputed(
    aggregator: ReadyFeedback,
    caller: CurrentCaller,
    after: str = START,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DisputePage:
    """Results of the key's tenant that feedback calls wrong, the oldest first.

    Each comes with the expected result and the audit record.
    """
    return await aggregator.disputed(caller, after, limit)


class CanaryReport(BaseModel):
    """The result of each golden set that has been run."""

    sets: list[CanaryResult]


@router.get("/canaries", tags=["operation"], responses=PROBLEM_RESPONSES, dependencies=[requires("read-metrics")])
async def canaries(monitors: ReadyMonitors) -> CanaryReport:
    """The last run of each golden set: accuracy by pipeline, flips, and every answer."""
    return CanaryReport(sets=monitors.canaries.results)


Observations = Annotated[int | None, Query(ge=500, le=1_000_000, description="KERNELSIGHT_REFERENCE_OBSERVATIONS")]


@router.get("/quality", tags=["quality"], responses=PROBLEM_RESPONSES, dependencies=[requires("read-metrics")])
async def quality(monitors: ReadyMonitors) -> QualityReport:
    """The drift of each subject in this process: its window beside its reference, bin by bin."""
    return monitors.quality.report()


@router.post(
    "/quality/reference",
    tags=["quality"],
    responses=PROBLEM_RESPONSES,
    status_code=202,
    dependencies=[requires("operate")],
)
async def capture(
    components: ReadyComponents, monitors: ReadyMonitors, observations: Observations = None
) -> QualityReport:
    """Capture this process's next results as the new reference of all processes; the old one serves until then."""
    monitors.quality.capture(observations or components.settings.monitoring.reference_observations, "traffic")
    return monitors.quality.report()
