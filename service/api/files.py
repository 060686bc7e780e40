"""OpenAI's files, as far as batches need them: upload requests, fetch answers.

https://platform.openai.com/docs/api-reference/files
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import PurePath
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from pipelines.errors import RequestRejected
from service.batch_api.files import FilePage, StoredFile
from service.openai import OPENAI_PROBLEMS
from service.state import ReadyJobs

UPLOADING = "POST /v1/files"  # may have a larger body than other requests
_PART = 1 << 20

router = APIRouter(prefix="/v1/files", tags=["batches"], responses=OPENAI_PROBLEMS)


class Deleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


_FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}, "purpose": {"type": "string", "enum": ["batch"]}},
    "required": ["file", "purpose"],
}


@router.post("", openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": _FORM}}}})
async def upload(request: Request, jobs: ReadyJobs) -> StoredFile:
    """Store a file of requests, a JSON object a line, for POST /v1/batches; `purpose` is `batch`."""
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestRejected("the form has no file field 'file'")
        if form.get("purpose") != "batch":
            raise RequestRejected("purpose: files are taken for batches only: batch")
        name = PurePath(file.filename or "requests.jsonl").name[:200]
        return await asyncio.to_thread(jobs.files.add, file.file, name)


@router.get("")
async def files(
    jobs: ReadyJobs,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> FilePage:
    """Files that are here, a page at a time."""
    newest_first = order == "desc"
    return await asyncio.to_thread(
        jobs.files.page, after=after, limit=limit, newest_first=newest_first, purpose=purpose
    )


@router.get("/{id}")
async def file(jobs: ReadyJobs, id: str) -> StoredFile:
    """What is known of a file."""
    return await asyncio.to_thread(jobs.files.get, id)


@router.delete("/{id}")
async def remove(jobs: ReadyJobs, id: str) -> Deleted:
    """Remove a file; a batch that still reads it fails."""
    await asyncio.to_thread(jobs.files.remove, id)
    return Deleted(id=id)


@router.get("/{id}/content", response_class=StreamingResponse)
async def content(jobs: ReadyJobs, id: str) -> StreamingResponse:
    """The file itself."""
    known = await asyncio.to_thread(jobs.files.get, id)
    stack = ExitStack()
    source = await asyncio.to_thread(stack.enter_context, jobs.files.opened(id))  # what is wrong with it is said now

    async def parts() -> AsyncIterator[bytes]:
        with stack:
            while part := await asyncio.to_thread(source.read, _PART):
                yield part

    headers = {"Content-Length": str(known.bytes)}
    return StreamingResponse(parts(), media_type="application/octet-stream", headers=headers)
