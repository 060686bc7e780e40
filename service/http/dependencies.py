"""FastAPI dependencies: the API key, and the components, monitors and job services of the app."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.errors import KernelSightError
from service.components import Components
from service.errors import NotReady, Unauthorised
from service.monitoring.monitors import Monitors
from service.problems import public_detail
from service.worker.job_services import JobServices

_bearer = HTTPBearer(auto_error=False, description="The value of KERNELSIGHT_API_KEY, where one is set")


async def require_key(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raises Unauthorised unless the request carries the key, or none is set."""
    key = request.app.state.settings.server.api_key
    if key is None:
        return
    if credentials is None:
        raise Unauthorised("send the API key as: Authorization: Bearer KEY")
    if not hmac.compare_digest(credentials.credentials.encode(), key.get_secret_value().encode()):
        raise Unauthorised("the API key is wrong")


async def ready_components(request: Request) -> Components:  # async: FastAPI runs plain functions in a thread
    """Raises NotReady while models load, or after loading failed."""
    components: Components | None = request.app.state.components
    if components is None:
        raise NotReady(_startup_failure(request) or "models are being loaded and warmed; try again in a moment")
    return components


async def ready_monitors(request: Request) -> Monitors:
    """Raises NotReady as `ready_components` does."""
    await ready_components(request)
    monitors: Monitors = request.app.state.monitors  # set before the components are
    return monitors


async def ready_jobs(request: Request) -> JobServices:
    """Raises NotReady while the queue is being reached, or after startup failed."""
    jobs: JobServices | None = request.app.state.jobs
    if jobs is None:
        raise NotReady(_startup_failure(request) or "the queue is being reached; try again in a moment")
    return jobs


def _startup_failure(request: Request) -> str | None:
    failure: KernelSightError | None = request.app.state.failure
    return None if failure is None else public_detail(failure)


ReadyComponents = Annotated[Components, Depends(ready_components)]
ReadyMonitors = Annotated[Monitors, Depends(ready_monitors)]
ReadyJobs = Annotated[JobServices, Depends(ready_jobs)]
