"""The route `POST /v1/documents`: reads PDFs, TIFFs and images, and can stream the pages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from models.errors import KernelSightError
from pipelines.documents.outputs.formats import OUTPUT_FORMATS
from pipelines.findings import Findings
from service.http.dependencies import ready_components, requires
from service.http.error_handlers import error_response
from service.http.openapi import OPERATION_RESPONSES, image_body
from service.http.operations import cancel_on_disconnect, read_operation_request, respond
from service.operations.documents import DocumentsQuery
from service.operations.operation import run_engine
from service.operations.registry import DOCUMENTS
from service.operations.schemas import DocumentReply, build_reply_header

LARGE_BODY_ROUTE = "POST /v1/documents"  # has its own body limit
NDJSON = "application/x-ndjson"

router = APIRouter(
    prefix="/v1", tags=["documents"], responses=OPERATION_RESPONSES, dependencies=[requires("documents")]
)


@router.post(
    "/documents",
    response_model=DocumentReply,
    responses={
        200: {
            "content": {NDJSON: {}, **{kind.media_type: {} for kind in OUTPUT_FORMATS.values()}},
            "description": "The document in the requested format",
        }
    },
    openapi_extra=image_body("document"),
)
async def documents(request: Request, query: Annotated[DocumentsQuery, Query()]) -> Response:
    """Text, layout, tables and reading order of a PDF, a TIFF or an image; `document` may be called `image`.

    A page that fails is reported among the others. With `Accept: application/x-ndjson` each page is a line that is sent
    as soon as it is read. The last line has the result id and the other fields that every answer has, or the problem
    that ended the reading.
    Options go into the query, or beside `document` in a JSON body; the body wins.
    """
    if NDJSON in request.headers.get("accept", ""):
        return await _stream_pages(request, query)
    return await respond(request, DOCUMENTS, query)


async def _stream_pages(request: Request, query: DocumentsQuery) -> Response:
    """The response begins with the first page, so that an error of the whole document has its own status."""
    components = await ready_components(request)
    operation_request = await read_operation_request(request, components, DOCUMENTS, query)
    tasks = {"document": DOCUMENTS.parse(operation_request).options}
    pages: asyncio.Queue[BaseModel | None] = asyncio.Queue()
    limits = replace(DOCUMENTS.interactive_limits(components), on_page=lambda page, of: pages.put_nowait(page))

    async def read_document() -> Findings:
        with DOCUMENTS.telemetry_scope():
            return await run_engine(components, operation_request.image, tasks, limits)

    run = asyncio.create_task(read_document())
    run.add_done_callback(lambda _: pages.put_nowait(None))
    try:
        first = await cancel_on_disconnect(request, pages.get())
        if first is None:
            await run
    except BaseException:
        run.cancel()
        raise
    return StreamingResponse(_stream_lines(first, pages, run, request.url.path), media_type=NDJSON)


async def _stream_lines(
    page: BaseModel | None, pages: "asyncio.Queue[BaseModel | None]", run: "asyncio.Task[Findings]", path: str
) -> AsyncIterator[bytes]:
    try:
        while page is not None:
            yield page.model_dump_json(exclude_none=True).encode() + b"\n"
            page = await pages.get()
        yield build_reply_header(await run).model_dump_json().encode() + b"\n"
    except KernelSightError as error:
        yield bytes(error_response(error, path).body) + b"\n"
    finally:
        run.cancel()
