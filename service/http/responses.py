"""Answers a request with an operation's reply, or with a job if the client prefers not to wait."""

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from models.priority import Priority
from service.components import Components
from service.http.dependencies import ready_jobs
from service.http.request_parsing import cancel_on_disconnect, read_form_or_json
from service.operations.operation import Operation
from service.operations.request import OperationRequest
from service.queue.types import NewJob
from service.worker.job_request import JobRequest
from service.worker.job_services import JobServices
from service.worker.job_view import JobView


async def read_operation_request(
    request: Request, components: Components, operation: Operation[Any], query: BaseModel | None = None
) -> OperationRequest:
    """The request in the body, with the query's options as defaults. Raises RequestRejected or MediaTypeRejected."""
    body = await read_form_or_json(request, components.pool, names=operation.image_names)
    return body if query is None else body.with_defaults(query.model_dump(include=query.model_fields_set))


async def respond(
    request: Request, components: Components, operation: Operation[Any], query: BaseModel | None = None
) -> Response:
    """Run the operation and answer with its reply. Raises what reading the request and the operation raise.

    A client that sends `Prefer: respond-async` (RFC 7240) gets a job at once instead.
    """
    operation_request = await read_operation_request(request, components, operation, query)
    if prefers_async(request):
        jobs = await ready_jobs(request)
        response = await enqueue_operation(
            jobs, operation, operation_request, key=request.headers.get("idempotency-key")
        )
        response.headers["Preference-Applied"] = "respond-async"
        return response
    run = operation.run(components, operation_request, operation.interactive_limits(components))
    reply = await cancel_on_disconnect(request, run)
    return Response(reply.body, media_type=reply.media_type, headers=dict(reply.headers))


async def enqueue_operation(
    jobs: JobServices,
    operation: Operation[Any],
    request: OperationRequest,
    *,
    priority: Priority = "interactive",
    callback: str | None = None,
    key: str | None = None,
) -> Response:
    """Enqueue the operation and answer 202 with the job.

    Raises RequestRejected, WebhooksOff, UrlRejected, UrlFetchFailed, IdempotencyConflict, QueueFull or
    QueueUnavailable.
    """
    operation.parse(request)  # so that an invalid request is refused now and not by a worker
    if callback is not None:
        await jobs.webhooks.check(callback)
    work, payloads = JobRequest(operation.name, request, callback).pack()
    status = await jobs.queue.enqueue(NewJob(work, priority, payloads, f"client:{key}" if key else None))
    view = JobView.from_status(status)
    headers = {"Location": f"/v1/jobs/{status.id}"}
    return Response(view.model_dump_json(exclude_none=True), 202, headers, "application/json")


def prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return "respond-async" in (one.partition(";")[0].strip().lower() for one in preferences)
