"""Jobs that were tried too often: looked at, tried again, dropped."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from service.schemas import PROBLEMS
from service.state import ReadyJobs
from service.work.views import JobView

router = APIRouter(prefix="/v1/dead-letters", tags=["jobs"], responses=PROBLEMS)


class DeadLetterPage(BaseModel):
    """The oldest first."""

    total: int
    data: list[JobView]


class DeadLetterView(JobView):
    """`work` is the job's record, without the payloads that it names."""

    work: dict[str, Any]


@router.get("")
async def dead_letters(
    jobs: ReadyJobs, after: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeadLetterPage:
    """A page of them, each with the reason in its `error`."""
    found = await jobs.dead.list(limit, after)
    return DeadLetterPage(total=await jobs.dead.count(), data=[JobView.of(status) for status in found])


@router.get("/{id}")
async def dead_letter(jobs: ReadyJobs, id: str) -> DeadLetterView:
    """One, with what was to be done."""
    letter = await jobs.dead.inspect(id)
    return DeadLetterView(**JobView.of(letter.status).model_dump(), work=letter.work)


@router.post("/{id}/requeue", status_code=202)
async def requeue(jobs: ReadyJobs, id: str) -> JobView:
    """Try it again, with all its attempts before it."""
    return JobView.of(await jobs.dead.requeue(id))


@router.delete("/{id}", status_code=204, response_class=Response)
async def drop(jobs: ReadyJobs, id: str) -> None:
    """Forget it, and what it was made of."""
    await jobs.dead.drop(id)
