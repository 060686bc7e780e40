"""Runs operations over HTTP: reads the request, answers it now, or enqueues it as a job."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, SecretStr
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from models.priority import Priority
from pipelines.errors import RequestRejected
from service.components import Components
from service.errors import MediaTypeRejected
from service.http.dependencies import current_caller, ready_components, ready_jobs
from service.http.forms import FORM, check_uncompressed, content_type, open_form
from service.keys.caller import Caller
from service.operations.field_errors import parse_fields
from service.operations.json_request import check_structure, parse_json, parse_json_request
from service.operations.operation import Operation, OperationRequest
from service.queue.types import NewJob
from service.settings import LimitSettings
from service.worker.job_request import JobRequest
from service.worker.job_services import JobServices
from service.worker.job_view import JobView

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_IDEMPOTENCY_KEY = 200  # characters


async def read_operation_request(
    request: Request, components: Components, operation: Operation[Any], query: BaseModel | None = None
) -> OperationRequest:
    """The request in the body, with the query's options as defaults. Raises RequestRejected or MediaTypeRejected."""
    body = await read_form_or_json(request, components, names=operation.image_names)
    return body if query is None else body.with_defaults(_given_fields(query))


def _given_fields(query: BaseModel) -> dict[str, Any]:
    """Passwords as plain text: a job's record is JSON."""
    given = query.model_dump(include=query.model_fields_set)
    return {name: one.get_secret_value() if isinstance(one, SecretStr) else one for name, one in given.items()}


async def respond(request: Request, operation: Operation[Any], query: BaseModel | None = None) -> Response:
    """Run the operation and answer with its reply.

    A client that sends `Prefer: respond-async` (RFC 7240) gets a job at once instead. Raises NotReady, before the body
    is read, and what reading the request and the operation raise.
    """
    components = await ready_components(request)
    operation_request = await read_operation_request(request, components, operation, query)
    caller = await current_caller(request)
    if prefers_async(request.scope["headers"]):
        caller.require("jobs")
        jobs = await ready_jobs(request)
        response = await enqueue_operation(
            jobs, operation, operation_request, caller, key=request.headers.get("idempotency-key")
        )
        response.headers["Preference-Applied"] = "respond-async"
        return response
    operation.check_scopes(caller, operation_request)
    run = operation.run(components, operation_request, operation.interactive_limits(components))
    reply = await cancel_on_disconnect(request, run)
    return Response(reply.body, media_type=reply.media_type, headers=dict(reply.headers))


async def enqueue_operation(
    jobs: JobServices,
    operation: Operation[Any],
    request: OperationRequest,
    caller: Caller,
    *,
    priority: Priority = "interactive",
    callback: str | None = None,
    key: str | None = None,
) -> Response:
    """Enqueue the operation and answer 202 with the job.

    Raises Forbidden, RequestRejected, WebhooksOff, UrlRejected, UrlFetchFailed, IdempotencyConflict, QueueFull or
    QueueUnavailable.
    """
    operation.check_scopes(caller, request)
    if key is not None and len(key) > MAX_IDEMPOTENCY_KEY:
        raise RequestRejected(f"Idempotency-Key: at most {MAX_IDEMPOTENCY_KEY} characters")
    operation.parse(request)  # so that an invalid request is refused now and not by a worker
    if callback is not None:
        await jobs.webhooks.check(callback)
    idempotency_key = f"client:{caller.tenant or ''}:{key}" if key else None  # names of tenants have no colon
    work, payloads = JobRequest(operation.name, request, callback).pack()
    status = await jobs.queue.enqueue(NewJob(work, priority, payloads, idempotency_key))
    view = JobView.from_status(status)
    headers = {"Location": f"/v1/jobs/{status.id}"}
    return Response(view.model_dump_json(exclude_none=True), 202, headers, "application/json")


def prefers_async(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client of a request with these headers, names in lower case, wants a job instead of the answer."""
    given = [value.decode("latin-1") for name, value in headers if name == b"prefer"]
    return any(one.partition(";")[0].strip().lower() == "respond-async" for one in ",".join(given).split(","))


async def read_form_or_json(
    request: Request, components: Components, *, names: tuple[str, ...] = ("image",)
) -> OperationRequest:
    """A JSON body has its image under one of `names`; without names, the whole body is fields.

    Raises RequestRejected or MediaTypeRejected.
    """
    check_uncompressed(request)
    kind, limits = content_type(request), components.settings.limits
    if kind == FORM:
        return await _from_form(request, limits)
    if kind in ("application/json", "text/json"):  # the second is what some .NET clients still send
        # Large base64 bodies take tens of milliseconds to parse: not on the event loop.
        return await components.pool.run(parse_json_request, await request.body(), names, limits)
    raise MediaTypeRejected(
        f"content type {kind[:100] or 'missing'!r}: send {FORM} with a field 'file', or application/json"
    )


async def read_json(request: Request, components: Components, kind: type[ModelT]) -> ModelT:
    """The JSON body as `kind`; raises RequestRejected."""
    return await components.pool.run(_parse_body, await request.body(), kind, components.settings.limits)


def _parse_body(body: bytes, kind: type[ModelT], limits: LimitSettings) -> ModelT:
    values = parse_json(body, limits)
    check_structure(values, limits)
    return parse_fields(kind, values, where="body")


async def _from_form(request: Request, limits: LimitSettings) -> OperationRequest:
    async with open_form(request, limits) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestRejected("the form has no file field 'file'")
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return OperationRequest(fields, await file.read())


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; when the client hangs up, cancel it and raise ClientDisconnect."""
    task = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(_wait_for_disconnect(request))
    disconnect.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        if task.cancelled() and disconnect.done():
            raise ClientDisconnect from None
        raise
    finally:
        disconnect.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
