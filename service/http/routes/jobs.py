"""Operations for later: given to the queue, looked at, cancelled, followed."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from models.priority import Priority
from service.errors import JobNotDone
from service.http.dependencies import ReadyComponents, ReadyJobs
from service.http.error_handlers import problem_response
from service.http.openapi import PROBLEMS, image_body
from service.http.responses import enqueue_operation, read_operation_request
from service.operations.registry import OPERATIONS, operation
from service.queue.types import Event
from service.worker.job_view import JobView

SUBMITTING = "POST /v1/jobs"  # may have a document's body

router = APIRouter(prefix="/v1", tags=["jobs"], responses=PROBLEMS)


class JobQuery(BaseModel):
    """Beside these, the query may have the operation's own options."""

    operation: str = Field(default="analyze", description=", ".join(OPERATIONS))
    priority: Priority = "interactive"
    callback: str | None = Field(default=None, description="a URL that gets a signed message at the end")


@router.post("/jobs", status_code=202, response_model=JobView, openapi_extra=image_body())
async def submit(
    request: Request,
    components: ReadyComponents,
    jobs: ReadyJobs,
    query: Annotated[JobQuery, Query()],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Any operation as a job; the body is what the operation's own route takes. The same `Idempotency-Key` gives the
    same job.

    A queue that is full answers with 429.
    """
    own = {name: value for name, value in request.query_params.items() if name not in JobQuery.model_fields}
    chosen = operation(query.operation)
    ask = (await read_operation_request(request, components, chosen)).over(own)
    return await enqueue_operation(
        jobs, chosen, ask, priority=query.priority, callback=query.callback, key=idempotency_key
    )


@router.get("/jobs/{id}")
async def job(jobs: ReadyJobs, id: str) -> JobView:
    """How far a job is; when it is done, with its result."""
    status = await jobs.queue.status(id)
    return JobView.of(status, await jobs.queue.result(id))


@router.get("/jobs/{id}/result", response_class=Response)
async def result(request: Request, jobs: ReadyJobs, id: str) -> Response:
    """The answer as the operation's own route gives it, errors included; 409 while there is none yet."""
    status, outcome = await jobs.queue.status(id), await jobs.queue.result(id)
    if status.is_final and status.error is not None:
        return problem_response(request.url.path, status.error)
    if outcome is None:
        raise JobNotDone(f"job {id!r} is {status.state}: there is no result")
    return Response(outcome.body, media_type=outcome.media_type, headers=dict(outcome.headers))


@router.delete("/jobs/{id}")
async def cancel(jobs: ReadyJobs, id: str) -> JobView:
    """At once where the job waits; one that runs ends within seconds, if it is not done before."""
    return JobView.of(await jobs.queue.cancel(id))


@router.get("/jobs/{id}/events", response_class=StreamingResponse)
async def events(jobs: ReadyJobs, id: str, last_event_id: Annotated[int, Header(ge=0)] = 0) -> StreamingResponse:
    """Server-sent events: queued, started, progress, retrying, and at the end done, failed, cancelled or dead.

    `Last-Event-ID` takes up a stream that broke.
    """
    await jobs.queue.status(id)
    stream = (_line(event) async for event in jobs.queue.events(id, last_event_id))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _line(event: Event) -> bytes:
    data: dict[str, Any] = {"at": event.at, **event.facts}
    return f"id: {event.number}\nevent: {event.name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


class DeadLetterPage(BaseModel):
    """The oldest first."""

    total: int
    data: list[JobView]


class DeadLetterView(JobView):
    """`work` is the job's record, without the payloads that it names."""

    work: dict[str, Any]


@router.get("/dead-letters")
async def dead_letters(
    jobs: ReadyJobs, after: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeadLetterPage:
    """A page of them, each with the reason in its `error`."""
    found = await jobs.dead.list(limit, after)
    return DeadLetterPage(total=await jobs.dead.count(), data=[JobView.of(status) for status in found])


@router.get("/dead-letters/{id}")
async def dead_letter(jobs: ReadyJobs, id: str) -> DeadLetterView:
    """One, with what was to be done."""
    letter = await jobs.dead.inspect(id)
    return DeadLetterView(**JobView.of(letter.status).model_dump(), work=letter.work)


@router.post("/dead-letters/{id}/requeue", status_code=202)
async def requeue(jobs: ReadyJobs, id: str) -> JobView:
    """Try it again, with all its attempts before it."""
    return JobView.of(await jobs.dead.requeue(id))


@router.delete("/dead-letters/{id}", status_code=204, response_class=Response)
async def drop(jobs: ReadyJobs, id: str) -> None:
    """Forget it, and what it was made of."""
    await jobs.dead.drop(id)
