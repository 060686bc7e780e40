"""From a request to an operation's reply: at once, or as a job where the client would rather not wait."""

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from models.priority import Priority
from service.components import Components
from service.http.dependencies import ready_jobs
from service.http.request_parsing import read_ask, unless_gone
from service.operations.operation import Operation
from service.operations.request import OperationRequest
from service.queue.types import NewJob
from service.worker.job_request import Order
from service.worker.job_services import JobServices
from service.worker.job_view import JobView


async def read_operation_request(
    request: Request, components: Components, operation: Operation[Any], query: BaseModel | None = None
) -> OperationRequest:
    """The body, over what the query gives. Raises RequestRejected or MediaTypeRejected."""
    ask = await read_ask(request, components.pool, names=operation.image_names)
    return ask if query is None else ask.over(query.model_dump(include=query.model_fields_set))


async def respond(
    request: Request, components: Components, operation: Operation[Any], query: BaseModel | None = None
) -> Response:
    """Raises what reading the request and the operation raise.

    A client that prefers so (RFC 7240) gets a job at once instead of the answer.
    """
    ask = await read_operation_request(request, components, operation, query)
    if prefers_async(request):
        jobs = await ready_jobs(request)
        response = await enqueue_operation(jobs, operation, ask, key=request.headers.get("idempotency-key"))
        response.headers["Preference-Applied"] = "respond-async"
        return response
    reply = await unless_gone(request, operation.run(components, ask, operation.now(components)))
    return Response(reply.body, media_type=reply.media_type, headers=dict(reply.headers))


async def enqueue_operation(
    jobs: JobServices,
    operation: Operation[Any],
    ask: OperationRequest,
    *,
    priority: Priority = "interactive",
    callback: str | None = None,
    key: str | None = None,
) -> Response:
    """202 and the job. Raises RequestRejected, WebhooksOff, UrlRejected, IdempotencyConflict, QueueFull and so on."""
    operation.parse(ask)  # what is wrong with the request is said now
    if callback is not None:
        await jobs.webhooks.check(callback)
    work, payloads = Order(operation.name, ask, callback).pack()
    status = await jobs.queue.enqueue(NewJob(work, priority, payloads, f"client:{key}" if key else None))
    view = JobView.of(status)
    headers = {"Location": f"/v1/jobs/{status.id}"}
    return Response(view.model_dump_json(exclude_none=True), 202, headers, "application/json")


def prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return "respond-async" in (one.partition(";")[0].strip().lower() for one in preferences)
