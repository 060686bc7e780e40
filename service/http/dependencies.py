"""What the app holds while it runs, and how a route gets at it."""

from typing import Annotated

from fastapi import Depends, Request

from models.errors import KernelSightError
from service.components import House
from service.errors import NotReady
from service.monitoring.monitors import Watch
from service.problems import detail_of
from service.worker.job_services import Jobs


async def ready_house(request: Request) -> House:  # async: FastAPI sends plain functions to a thread
    """Raises NotReady while models load or after they failed to."""
    house: House | None = request.app.state.house
    if house is None:
        raise NotReady(_failure(request) or "models are being loaded and warmed; try again in a moment")
    return house


async def ready_watch(request: Request) -> Watch:
    """Raises NotReady as `ready_house` does."""
    await ready_house(request)
    watch: Watch = request.app.state.watch  # there before the house is
    return watch


async def ready_jobs(request: Request) -> Jobs:
    """Raises NotReady while the queue is being reached, or after it could not be."""
    jobs: Jobs | None = request.app.state.jobs
    if jobs is None:
        raise NotReady(_failure(request) or "the queue is being reached; try again in a moment")
    return jobs


def _failure(request: Request) -> str | None:
    failure: KernelSightError | None = request.app.state.failure
    return None if failure is None else detail_of(failure)


ReadyHouse = Annotated[House, Depends(ready_house)]
ReadyWatch = Annotated[Watch, Depends(ready_watch)]
ReadyJobs = Annotated[Jobs, Depends(ready_jobs)]
