"""The routes in OpenAI's form: files, batches, embeddings and moderations.

https://platform.openai.com/docs/api-reference/files
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import PurePath
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from pipelines.errors import RequestRejected
from pipelines.moderation.options import ModerationOptions
from service.batches.file_store import BatchFile, BatchFilePage
from service.batches.types import BatchObject, BatchPage, Expiry, NewBatch
from service.errors import FileUnknown
from service.http.dependencies import CurrentCaller, ReadyComponents, ReadyJobs, requires
from service.http.forms import open_form
from service.http.openapi import (
    OPENAI_OPERATION_RESPONSES,
    OPENAI_PROBLEM_RESPONSES,
    PIXEL_URL,
    json_body,
    moderation_body,
    openai_problems,
)
from service.http.operations import read_json, respond
from service.operations.embeddings import EmbeddingsReply, EmbeddingsRequest
from service.operations.field_errors import parse_fields
from service.operations.openai_moderation import ModerationReply, ModerationRequest
from service.operations.registry import EMBEDDINGS, MODERATIONS

LARGE_BODY_ROUTE = "POST /v1/files"  # has its own body limit

_CHUNK_BYTES = 1 << 20

router = APIRouter(prefix="/v1", responses=OPENAI_PROBLEM_RESPONSES)


async def visible_file(jobs: ReadyJobs, caller: CurrentCaller, id: str) -> BatchFile:
    """Raises FileUnknown, also for another tenant's file."""
    found = await asyncio.to_thread(jobs.files.get, id)
    if not caller.may_see(found.tenant):
        raise FileUnknown(id)
    return found


VisibleFile = Annotated[BatchFile, Depends(visible_file)]


class DeletedFile(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


_FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "purpose": {"type": "string", "enum": ["batch"]},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
    },
    "required": ["file", "purpose"],
}


@router.post(
    "/files",
    tags=["batches"],
    dependencies=[requires("batches")],
    responses=openai_problems(507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def upload(request: Request, jobs: ReadyJobs, caller: CurrentCaller) -> BatchFile:
    """Store a file of requests, one JSON object a line, for POST /v1/batches; `purpose` is `batch`.

    It is removed after `expires_after[seconds]`, and no later than any file here.
    """
    async with open_form(request, request.app.state.settings.limits) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestRejected("the form has no file field 'file'")
        if form.get("purpose") != "batch":
            raise RequestRejected("purpose: files are taken for batches only: batch")
        name = PurePath(file.filename or "requests.jsonl").name[:200]
        expiry = _read_expiry(form)
        seconds = None if expiry is None else expiry.seconds
        return await asyncio.to_thread(jobs.files.add, file.file, name, caller.tenant, keep_seconds=seconds)


def _read_expiry(form: FormData) -> Expiry | None:
    """Raises RequestRejected."""
    names = {name: f"expires_after[{name}]" for name in Expiry.model_fields}
    given = {name: form[field] for name, field in names.items() if field in form}
    return parse_fields(Expiry, given, where="expires_after") if given else None


@router.get("/files", tags=["batches"], dependencies=[requires("batches")])
async def files(
    jobs: ReadyJobs,
    caller: CurrentCaller,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> BatchFilePage:
    """The files of the key's tenant, a listing page at a time."""
    newest_first = order == "desc"
    return await asyncio.to_thread(
        jobs.files.list_page, viewer=caller, after=after, limit=limit, newest_first=newest_first, purpose=purpose
    )


@router.get("/files/{id}", tags=["batches"], responses=openai_problems(404), dependencies=[requires("batches")])
async def file(file: VisibleFile) -> BatchFile:
    """A file's metadata."""
    return file


@router.delete("/files/{id}", tags=["batches"], responses=openai_problems(404), dependencies=[requires("batches")])
async def remove(jobs: ReadyJobs, file: VisibleFile) -> DeletedFile:
    """Remove a file; a batch that still reads it fails."""
    await asyncio.to_thread(jobs.files.remove, file.id)
    return DeletedFile(id=file.id)


@router.get(
    "/files/{id}/content",
    tags=["batches"],
    responses=openai_problems(404),
    dependencies=[requires("batches")],
    response_class=StreamingResponse,
)
async def content(jobs: ReadyJobs, file: VisibleFile) -> StreamingResponse:
    """The content of a file."""
    stack = ExitStack()
    # Opened before the response begins, so that an error has its own status.
    source = await asyncio.to_thread(stack.enter_context, jobs.files.open_reader(file.id))

    async def read_chunks() -> AsyncIterator[bytes]:
        with stack:
            while chunk := await asyncio.to_thread(source.read, _CHUNK_BYTES):
                yield chunk

    headers = {"Content-Length": str(file.bytes)}
    return StreamingResponse(read_chunks(), media_type="application/octet-stream", headers=headers)


@router.post(
    "/batches",
    tags=["batches"],
    responses=openai_problems(404, 507),
    dependencies=[requires("batches")],
    openapi_extra=json_body(NewBatch),
)
async def create(request: Request, components: ReadyComponents, jobs: ReadyJobs, caller: CurrentCaller) -> BatchObject:
    """Answer every request of an uploaded file, at batch priority; `endpoint` is any operation's route."""
    return await jobs.batches.create(await read_json(request, components, NewBatch), caller)


@router.get("/batches", tags=["batches"], dependencies=[requires("batches")])
async def batches(
    jobs: ReadyJobs, caller: CurrentCaller, after: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> BatchPage:
    """The batches of the key's tenant, the newest first."""
    return await jobs.batches.list_page(caller, after=after, limit=limit)


@router.get("/batches/{id}", tags=["batches"], responses=openai_problems(404), dependencies=[requires("batches")])
async def batch(jobs: ReadyJobs, caller: CurrentCaller, id: str) -> BatchObject:
    """A batch's progress and, once it has ended, the files with the answers and the errors."""
    return await jobs.batches.get(id, caller)


@router.post(
    "/batches/{id}/cancel",
    tags=["batches"],
    responses=openai_problems(404, 409),
    dependencies=[requires("batches")],
)
async def cancel(jobs: ReadyJobs, caller: CurrentCaller, id: str) -> BatchObject:
    """Cancel a batch: requests in progress are finished, the others are not started."""
    return await jobs.batches.cancel(id, caller)


@router.post(
    "/embeddings",
    dependencies=[requires("analyze")],
    tags=["images"],
    response_model=EmbeddingsReply,
    responses=OPENAI_OPERATION_RESPONSES,
    openapi_extra=json_body(EmbeddingsRequest, input=PIXEL_URL),
)
async def embeddings(request: Request) -> Response:
    """The encoder's embedding of each image in OpenAI's form; `input` takes URLs and data URLs of images."""
    return await respond(request, EMBEDDINGS)


@router.post(
    "/moderations",
    dependencies=[requires("analyze")],
    tags=["moderation"],
    response_model=ModerationReply,
    responses=OPENAI_OPERATION_RESPONSES,
    openapi_extra=moderation_body(ModerationRequest),
)
async def moderations(request: Request, query: Annotated[ModerationOptions, Query()]) -> Response:
    """Allow, review or block texts and images in OpenAI's form, or one image as the form field `file`.

    Options go into the query, or beside `input` in the body (`extra_body` in OpenAI's client); the body wins.
    """
    return await respond(request, MODERATIONS, query)
