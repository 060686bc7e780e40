"""POST /v1/documents: PDFs, TIFFs and images read, at once or a page at a time."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from models.errors import KernelSightError
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.outputs.formats import KINDS, written
from pipelines.findings import Findings
from pipelines.pipeline import Report
from service.composition import House
from service.intake import parse_options, read_upload, unless_gone
from service.problems import answer
from service.schemas import PROBLEMS, DocumentReply, image_body
from service.state import ReadyHouse

READING = "POST /v1/documents"  # may have a larger body than other requests
LINES = "application/x-ndjson"

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


class DocumentsQuery(DocumentsOptions):
    format: Literal["json", "markdown", "text", "hocr", "pdf"] = Field(
        default="json", description="pdf: the pages' pictures with their text invisibly over them"
    )

    @property
    def options(self) -> DocumentsOptions:
        given = self.model_dump(exclude={"format"})
        return DocumentsOptions.model_validate(given | {"pictures": True} if self.format == "pdf" else given)


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
async def documents(request: Request, house: ReadyHouse, query: Annotated[DocumentsQuery, Query()]) -> Response:
    """Text, layout, tables and reading order of a PDF, a TIFF or an image; `document` may be called `image`.

    A page that fails is reported as such among the others. With `Accept: application/x-ndjson` each page is a line
    that comes as soon as it is done, and what stops the reading a problem in the last line.
    Options go into the query, or beside `document` in a JSON body; the body wins.
    """
    upload = await read_upload(request, house.pool, house.fetcher, names=("document", "image"))
    given = query.model_dump(include=query.model_fields_set)
    asked = parse_options(DocumentsQuery, given | upload.fields, where="options")
    if LINES in request.headers.get("accept", ""):
        return await _streamed(request, house, upload.image, asked.options)
    findings = await unless_gone(request, _run(request, house, upload.image, asked.options))
    headers = {"X-KernelSight-Result-Id": findings.result_id}
    if asked.format == "json":
        reply = await house.pool.run(DocumentReply.of(findings).model_dump_json, exclude_none=True)
        return Response(reply, media_type="application/json", headers=headers)
    assert findings.document is not None
    data = await house.pool.run(written, findings.document, asked.format)
    return Response(data, media_type=KINDS[asked.format].media_type, headers=headers)


async def _run(
    request: Request, house: House, data: bytes, options: DocumentsOptions, report: Report | None = None
) -> Findings:
    deadline = monotonic() + house.settings.document_seconds
    findings = await house.engine.run(data, {"document": options}, deadline=deadline, report=report)
    request.app.state.metrics.observe_timings(findings.timings)
    return findings


async def _streamed(request: Request, house: House, data: bytes, options: DocumentsOptions) -> Response:
    """Begins with the first page, so that what is wrong with the whole document has its proper status."""
    pages: asyncio.Queue[BaseModel | None] = asyncio.Queue()
    run = asyncio.create_task(_run(request, house, data, options, lambda page, of: pages.put_nowait(page)))
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
        await run
    except KernelSightError as error:
        yield bytes(answer(error, path).body) + b"\n"
    finally:
        run.cancel()
