"""The routes for jobs and dead letters: submit, status, result, cancel, events, requeue and drop."""

from typing import Annotated, Any

import orjson
from annotated_types import Ge
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, Field

from models.priority import Priority
from service.errors import JobNotDone
from service.http.dependencies import CurrentCaller, ReadyComponents, ReadyJobs, requires
from service.http.error_handlers import problem_response
from service.http.openapi import PROBLEM_RESPONSES, image_body, problems
from service.http.operations import MAX_IDEMPOTENCY_KEY, enqueue_operation, read_operation_request
from service.operations.registry import OPERATIONS, find_operation
from service.queue.errors import JobUnknown
from service.queue.types import JobEvent, JobStatus
from service.worker.job_secrets import hide_secrets
from service.worker.job_view import JobView

LARGE_BODY_ROUTE = "POST /v1/jobs"  # has its own body limit: it takes documents

router = APIRouter(prefix="/v1", tags=["jobs"], responses=PROBLEM_RESPONSES)


async def visible_job(jobs: ReadyJobs, caller: CurrentCaller, id: str) -> JobStatus:
    """Raises JobUnknown, also for another tenant's job."""
    status = await jobs.queue.status(id)
    if not caller.may_see(status.tenant):
        raise JobUnknown(id)
    return status


VisibleJob = Annotated[JobStatus, Depends(visible_job)]


def _read_event_id(given: Any) -> Any:
    return given.strip() or 0 if isinstance(given, str) else given


# An empty one is what a client sends that has seen no id.
LastEventId = Annotated[int, Ge(0), BeforeValidator(_read_event_id)]


class JobQuery(BaseModel):
    """The query of a job, which may also have the operation's own options."""

    operation: str = Field(default="analyze", description=", ".join(OPERATIONS))
    priority: Priority = "interactive"
    callback: str | None = Field(default=None, description="a URL that gets a signed message at the end")


@router.post(
    "/jobs",
    dependencies=[requires("jobs")],
    status_code=202,
    response_model=JobView,
    responses=problems(409, 507),
    openapi_extra=image_body(),
)
async def submit(
    request: Request,
    components: ReadyComponents,
    jobs: ReadyJobs,
    caller: CurrentCaller,
    query: Annotated[JobQuery, Query()],
    idempotency_key: Annotated[str | None, Header(max_length=MAX_IDEMPOTENCY_KEY)] = None,
) -> Response:
    """Submit any operation as a job; the body is that of the operation's own route.

    The same `Idempotency-Key` gives the same job. If the queue is full, the answer is a 429.
    """
    options = {name: value for name, value in request.query_params.items() if name not in JobQuery.model_fields}
    operation = find_operation(query.operation)
    body = await read_operation_request(request, components, operation)
    return await enqueue_operation(
        jobs,
        operation,
        body.with_defaults(options),
        caller,
        priority=query.priority,
        callback=query.callback,
        key=idempotency_key,
    )


@router.get("/jobs/{id}", responses=problems(404), dependencies=[requires("jobs")])
async def job(jobs: ReadyJobs, job: VisibleJob) -> JobView:
    """A job's state, and its result once it is done."""
    return JobView.from_status(job, await jobs.queue.result(job.id))


@router.get(
    "/jobs/{id}/result",
    responses=problems(404, 409, 501, 507),
    dependencies=[requires("jobs")],
    response_class=Response,
)
async def result(request: Request, jobs: ReadyJobs, job: VisibleJob) -> Response:
    """The answer that the operation's own route would give, errors included; 409 before the job has ended."""
    outcome = await jobs.queue.result(job.id)
    if job.is_final and job.error is not None:
        return problem_response(request.url.path, job.error)
    if outcome is None:
        raise JobNotDone(f"job {job.id!r} is {job.state}: there is no result")
    return Response(outcome.body, media_type=outcome.media_type, headers=dict(outcome.headers))


@router.delete("/jobs/{id}", responses=problems(404), dependencies=[requires("jobs")])
async def cancel(jobs: ReadyJobs, job: VisibleJob) -> JobView:
    """Cancel a job. A waiting job is cancelled at once; a running one stops within seconds, unless it is done first."""
    return JobView.from_status(await jobs.queue.cancel(job.id))


@router.get(
    "/jobs/{id}/events",
    responses=problems(404) | {204: {"description": "all events were sent: do not reconnect"}},
    dependencies=[requires("jobs")],
    response_class=StreamingResponse,
)
async def events(jobs: ReadyJobs, job: VisibleJob, last_event_id: Annotated[LastEventId, Header()] = 0) -> Response:
    """Server-sent events: queued, started, progress, retrying, and at the end done, failed, cancelled or dead.

    `Last-Event-ID` resumes a stream that broke off; after the last event the answer is 204, which ends reconnecting.
    """
    if job.is_final and not await jobs.queue.has_events(job.id, last_event_id):
        return Response(status_code=204)
    stream = (_encode_event(event) async for event in jobs.queue.events(job.id, last_event_id))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _encode_event(event: JobEvent) -> bytes:
    data: dict[str, Any] = {"at": event.at, **event.facts}
    return f"id: {event.number}\nevent: {event.name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


class DeadLetterPage(BaseModel):
    """A listing page of dead letters, the oldest first."""

    total: int
    data: list[JobView]


class DeadLetterView(JobView):
    """A dead letter: `work` is the job's record without the payloads that it names, and without secrets."""

    work: dict[str, Any]


@router.get("/dead-letters", responses=problems(404, 409), dependencies=[requires("operate")])
async def dead_letters(
    jobs: ReadyJobs, after: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeadLetterPage:
    """A page of the dead letters, each with the reason in its `error`."""
    found = await jobs.dead_letters.list(limit, after)
    return DeadLetterPage(total=await jobs.dead_letters.count(), data=[JobView.from_status(status) for status in found])


@router.get("/dead-letters/{id}", responses=problems(404, 409), dependencies=[requires("operate")])
async def dead_letter(jobs: ReadyJobs, id: str) -> DeadLetterView:
    """One dead letter, with the job's record."""
    letter = await jobs.dead_letters.inspect(id)
    return DeadLetterView(**JobView.from_status(letter.status).model_dump(), work=hide_secrets(letter.work))


@router.post(
    "/dead-letters/{id}/requeue", responses=problems(404, 409), dependencies=[requires("operate")], status_code=202
)
async def requeue(jobs: ReadyJobs, id: str) -> JobView:
    """Put a dead letter back into the queue, with all its attempts."""
    return JobView.from_status(await jobs.dead_letters.requeue(id))


@router.delete(
    "/dead-letters/{id}",
    responses=problems(404, 409),
    dependencies=[requires("operate")],
    status_code=204,
    response_class=Response,
)
async def drop(jobs: ReadyJobs, id: str) -> None:
    """Delete a dead letter and its payloads."""
    await jobs.dead_letters.drop(id)
