"""How sure the answers are and how far they drift, and what that is measured against."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.quality.report import QualityReport
from service.schemas import PROBLEMS
from service.state import ReadyHouse, ReadyWatch

router = APIRouter(prefix="/v1/quality", tags=["quality"], responses=PROBLEMS)

Observations = Annotated[int | None, Query(ge=500, le=1_000_000, description="KERNELSIGHT_REFERENCE_OBSERVATIONS")]


@router.get("")
async def quality(watch: ReadyWatch) -> QualityReport:
    """Each subject's drift in this process: its window beside its reference, bin by bin."""
    return watch.quality.report()


@router.post("/reference", status_code=202)
async def capture(house: ReadyHouse, watch: ReadyWatch, observations: Observations = None) -> QualityReport:
    """Make this process's next answers the reference of all; until there are enough the old one is compared with."""
    watch.quality.capture(observations or house.settings.reference_observations, "traffic")
    return watch.quality.report()
