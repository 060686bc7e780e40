"""FastAPI dependencies: the caller and its scopes, and the components, monitors and job services of the app."""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from models.errors import KernelSightError
from service.components import Components
from service.errors import NotReady
from service.keys.caller import Caller
from service.keys.keyring import Keyring
from service.keys.rate_limits import RateLimiter, check_rates, rate_headers
from service.keys.scopes import OPERATOR_SCOPES, Scope
from service.monitoring.monitors import Monitors
from service.problems import public_detail
from service.telemetry.request_context import name_sender
from service.worker.job_services import JobServices

_DECODING_METHODS = ("POST", "PUT")  # of routes that may decode images, now or in a job


class RequireScope(HTTPBearer):
    """A dependency that lets a request pass whose key has `scope` and is within its limits.

    The request's caller is known from then on. Raises Unauthorised, Forbidden or RateLimited, and that before the body
    is read: routes that use it read their bodies themselves.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            scheme_name=HTTPBearer.__name__,
            auto_error=False,
            description="A key that `kernelsight keys create` made, or the value of KERNELSIGHT_API_KEY",
        )
        self.scope = scope

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # nobody needs the token itself
        if self.scope in OPERATOR_SCOPES and not _is_operators_port(request):
            raise HTTPException(404)
        credentials = await super().__call__(request)
        keyring: Keyring = request.app.state.keyring
        state = request.state
        state.caller = caller = await keyring.identify(credentials.credentials if credentials else None)
        name_sender(caller.sender)
        caller.require(self.scope)
        limiter: RateLimiter = request.app.state.limiter
        uses = await limiter.count_request(caller, decodes=request.method in _DECODING_METHODS)
        state.reply_headers = rate_headers(uses)
        check_rates(uses)


def _is_operators_port(request: Request) -> bool:
    """By the socket that the connection came in by; nothing that a client sends decides."""
    port: int | None = request.app.state.operate_port
    return port is None or request.scope["server"][1] == port


def requires(scope: Scope) -> Any:
    """For `dependencies` of a route or router."""
    return Depends(RequireScope(scope))


async def current_caller(request: Request) -> Caller:
    """The caller that `RequireScope` has found: a route without one has none."""
    caller: Caller = request.state.caller
    return caller


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


CurrentCaller = Annotated[Caller, Depends(current_caller)]
ReadyComponents = Annotated[Components, Depends(ready_components)]
ReadyMonitors = Annotated[Monitors, Depends(ready_monitors)]
ReadyJobs = Annotated[JobServices, Depends(ready_jobs)]
