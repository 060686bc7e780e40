"""Reads an operation's request from HTTP: a multipart form or JSON."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from service.errors import MediaTypeRejected
from service.operations.request import OperationRequest, parse_json_request

T = TypeVar("T")


async def read_form_or_json(
    request: Request, pool: CpuPool, *, names: tuple[str, ...] = ("image",)
) -> OperationRequest:
    """A JSON body has its image under one of `names`; without names, the whole body is fields.

    Raises RequestRejected or MediaTypeRejected.
    """
    kind = content_type(request)
    if kind == "multipart/form-data":
        return await _from_form(request)
    if kind == "application/json":
        # Large base64 bodies take tens of milliseconds to parse: not on the event loop.
        return await pool.run(parse_json_request, await request.body(), names)
    raise MediaTypeRejected(
        f"content type {kind or 'missing'!r}: send multipart/form-data with a field 'file', or application/json"
    )


def content_type(request: Request) -> str:
    """In lower case and without parameters; empty where there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _from_form(request: Request) -> OperationRequest:
    async with request.form(max_files=1, max_fields=32) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestRejected("the form has no file field 'file'")
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return OperationRequest(fields, await file.read())


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; when the client hangs up, cancel it and raise ClientDisconnect."""
    task = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        task.cancel()
        disconnect.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
