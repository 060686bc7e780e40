"""The routes in OpenAI's form: files, batches, embeddings and moderations.

https://platform.openai.com/docs/api-reference/files
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import PurePath
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from pipelines.errors import RequestRejected
from pipelines.moderation.options import ModerationOptions
from service.batches.file_store import BatchFile, BatchFilePage
from service.batches.types import BatchObject, BatchPage, NewBatch
from service.http.dependencies import ReadyComponents, ReadyJobs
from service.http.openapi import OPENAI_PROBLEM_RESPONSES, PIXEL_URL, json_body, moderation_body
from service.http.operations import respond
from service.operations.embeddings import EmbeddingsReply, EmbeddingsRequest
from service.operations.openai_moderation import ModerationReply, ModerationRequest
from service.operations.operation import parse_fields, parse_json
from service.operations.registry import EMBEDDINGS, MODERATIONS

LARGE_BODY_ROUTE = "POST /v1/files"  # has its own body limit

_CHUNK_BYTES = 1 << 20

router = APIRouter(prefix="/v1", responses=OPENAI_PROBLEM_RESPONSES)


class DeletedFile(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


_FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}, "purpose": {"type": "string", "enum": ["batch"]}},
    "required": ["file", "purpose"],
}


@router.post(
    "/files", tags=["batches"], openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": _FORM}}}}
)
async def upload(request: Request, jobs: ReadyJobs) -> BatchFile:
    """Store a file of requests, one JSON object a line, for POST /v1/batches; `purpose` is `batch`."""
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestRejected("the form has no file field 'file'")
        if form.get("purpose") != "batch":
            raise RequestRejected("purpose: files are taken for batches only: batch")
        name = PurePath(file.filename or "requests.jsonl").name[:200]
        return await asyncio.to_thread(jobs.files.add, file.file, name)


@router.get("/files", tags=["batches"])
async def files(
    jobs: ReadyJobs,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> BatchFilePage:
    """The files, a listing page at a time."""
    newest_first = order == "desc"
    return await asyncio.to_thread(
        jobs.files.list_page, after=after, limit=limit, newest_first=newest_first, purpose=purpose
    )


@router.get("/files/{id}", tags=["batches"])
async def file(jobs: ReadyJobs, id: str) -> BatchFile:
    """A file's metadata."""
    return await asyncio.to_thread(jobs.files.get, id)


@router.delete("/files/{id}", tags=["batches"])
async def remove(jobs: ReadyJobs, id: str) -> DeletedFile:
    """Remove a file; a batch that still reads it fails."""
    await asyncio.to_thread(jobs.files.remove, id)
    return DeletedFile(id=id)


@router.get("/files/{id}/content", tags=["batches"], response_class=StreamingResponse)
async def content(jobs: ReadyJobs, id: str) -> StreamingResponse:
    """The content of a file."""
    stored = await asyncio.to_thread(jobs.files.get, id)
    stack = ExitStack()
    # Opened before the response begins, so that an error has its own status.
    source = await asyncio.to_thread(stack.enter_context, jobs.files.open_reader(id))

    async def read_chunks() -> AsyncIterator[bytes]:
        with stack:
            while chunk := await asyncio.to_thread(source.read, _CHUNK_BYTES):
                yield chunk

    headers = {"Content-Length": str(stored.bytes)}
    return StreamingResponse(read_chunks(), media_type="application/octet-stream", headers=headers)


_BODY = {"requestBody": {"content": {"application/json": {"schema": NewBatch.model_json_schema()}}}}


@router.post("/batches", tags=["batches"], openapi_extra=_BODY)
async def create(request: Request, jobs: ReadyJobs) -> BatchObject:
    """Answer every request of an uploaded file, at batch priority; `endpoint` is any operation's route."""
    new = parse_fields(NewBatch, parse_json(await request.body()), where="body")
    return await jobs.batches.create(new)


@router.get("/batches", tags=["batches"])
async def batches(
    jobs: ReadyJobs, after: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> BatchPage:
    """The batches, the newest first."""
    return await jobs.batches.list_page(after=after, limit=limit)


@router.get("/batches/{id}", tags=["batches"])
async def batch(jobs: ReadyJobs, id: str) -> BatchObject:
    """A batch's progress and, once it has ended, the files with the answers and the errors."""
    return await jobs.batches.get(id)


@router.post("/batches/{id}/cancel", tags=["batches"])
async def cancel(jobs: ReadyJobs, id: str) -> BatchObject:
    """Cancel a batch: requests in progress are finished, the others are not started."""
    return await jobs.batches.cancel(id)


@router.post(
    "/embeddings",
    tags=["images"],
    response_model=EmbeddingsReply,
    openapi_extra=json_body(EmbeddingsRequest, input=PIXEL_URL),
)
async def embeddings(request: Request, components: ReadyComponents) -> Response:
    """The encoder's embedding of each image in OpenAI's form; `input` takes URLs and data URLs of images."""
    return await respond(request, components, EMBEDDINGS)


@router.post(
    "/moderations",
    tags=["moderation"],
    response_model=ModerationReply,
    openapi_extra=moderation_body(ModerationRequest),
)
async def moderations(
    request: Request, components: ReadyComponents, query: Annotated[ModerationOptions, Query()]
) -> Response:
    """Allow, review or block texts and images in OpenAI's form, or one image as the form field `file`.

    Options go into the query, or beside `input` in the body (`extra_body` in OpenAI's client); the body wins.
    """
    return await respond(request, components, MODERATIONS, query)
