"""OpenAI's batches, for every operation.

https://platform.openai.com/docs/api-reference/batch
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.batch_api.types import Batch, BatchPage, NewBatch
from service.intake import parse_json, parse_options
from service.openai import OPENAI_PROBLEMS
from service.state import ReadyJobs

router = APIRouter(prefix="/v1/batches", tags=["batches"], responses=OPENAI_PROBLEMS)

_BODY = {"requestBody": {"content": {"application/json": {"schema": NewBatch.model_json_schema()}}}}


@router.post("", openapi_extra=_BODY)
async def create(request: Request, jobs: ReadyJobs) -> Batch:
    """Answer every request of an uploaded file, at batch priority; `endpoint` is any operation's route."""
    new = parse_options(NewBatch, parse_json(await request.body()), where="body")
    return await jobs.batches.create(new)


@router.get("")
async def batches(
    jobs: ReadyJobs, after: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> BatchPage:
    """The newest first."""
    return await jobs.batches.page(after=after, limit=limit)


@router.get("/{id}")
async def batch(jobs: ReadyJobs, id: str) -> Batch:
    """How far it is; at its end, which files have the answers and the errors."""
    return await jobs.batches.get(id)


@router.post("/{id}/cancel")
async def cancel(jobs: ReadyJobs, id: str) -> Batch:
    """What is being answered is finished; the rest is not begun."""
    return await jobs.batches.cancel(id)
