"""What canaries last answered."""

from fastapi import APIRouter
from pydantic import BaseModel

from service.canary.results import CanaryResult
from service.schemas import PROBLEMS
from service.state import ReadyWatch

router = APIRouter(prefix="/v1/canaries", tags=["operation"], responses=PROBLEMS)


class CanaryReport(BaseModel):
    """One result for each golden set that has been run."""

    sets: list[CanaryResult]


@router.get("")
async def canaries(watch: ReadyWatch) -> CanaryReport:
    """The last run of each golden set: accuracy by pipeline, flips, and every answer."""
    return CanaryReport(sets=watch.canaries.results)
