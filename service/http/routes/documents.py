"""POST /v1/documents: PDFs, TIFFs and images read, at once or a page at a time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from models.errors import KernelSightError
from pipelines.documents.outputs.formats import KINDS
from pipelines.findings import Findings
from service.components import Components
from service.http.dependencies import ReadyComponents
from service.http.error_handlers import answer
from service.http.openapi import PROBLEMS, image_body
from service.http.request_parsing import unless_gone
from service.http.responses import read_operation_request, respond
from service.operations.documents import DocumentsQuery
from service.operations.operation import run_engine
from service.operations.registry import DOCUMENTS
from service.operations.schemas import DocumentReply, answer_of

READING = "POST /v1/documents"  # may have a larger body than other requests
LINES = "application/x-ndjson"

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.post(
    "/documents",
    response_model=DocumentReply,
    responses={
        200: {
            "content": {LINES: {}, **{kind.media_type: {} for kind in KINDS.values()}},
            "description": "The document in the form that was asked for",
        }
    },
    openapi_extra=image_body("document"),
)
async def documents(
    request: Request, components: ReadyComponents, query: Annotated[DocumentsQuery, Query()]
) -> Response:
    """Text, layout, tables and reading order of a PDF, a TIFF or an image; `document` may be called `image`.

    A page that fails is reported as such among the others. With `Accept: application/x-ndjson` each page is a line
    that comes as soon as it is done; the last line is the result id with what else every answer carries, or the
    problem that stopped the reading.
    Options go into the query, or beside `document` in a JSON body; the body wins.
    """
    if LINES in request.headers.get("accept", ""):
        return await _streamed(request, components, query)
    return await respond(request, components, DOCUMENTS, query)


async def _streamed(request: Request, components: Components, query: DocumentsQuery) -> Response:
    """Begins with the first page, so that what is wrong with the whole document has its proper status."""
    ask = await read_operation_request(request, components, DOCUMENTS, query)
    tasks = {"document": DOCUMENTS.parse(ask).options}
    pages: asyncio.Queue[BaseModel | None] = asyncio.Queue()
    terms = replace(DOCUMENTS.now(components), report=lambda page, of: pages.put_nowait(page))

    async def looked() -> Findings:
        with DOCUMENTS.named():
            return await run_engine(components, ask.image, tasks, terms)

    run = asyncio.create_task(looked())
    run.add_done_callback(lambda _: pages.put_nowait(None))
    try:
        first = await unless_gone(request, pages.get())
        if first is None:
            await run
    except BaseException:
        run.cancel()
        raise
    return StreamingResponse(_lines(first, pages, run, request.url.path), media_type=LINES)


async def _lines(
    page: BaseModel | None, pages: "asyncio.Queue[BaseModel | None]", run: "asyncio.Task[Findings]", path: str
) -> AsyncIterator[bytes]:
    try:
        while page is not None:
            yield page.model_dump_json(exclude_none=True).encode() + b"\n"
            page = await pages.get()
        yield answer_of(await run).model_dump_json().encode() + b"\n"
    except KernelSightError as error:
        yield bytes(answer(error, path).body) + b"\n"
    finally:
        run.cancel()
