"""The routes for liveness, readiness and metrics."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from models.errors import KernelSightError
from service.components import Components
from service.http.dependencies import requires
from service.http.health_checks import HealthChecks
from service.http.openapi import Health, Responses, problems
from service.problems import public_detail

Progress = dict[str, str | None]

_UNAVAILABLE: Responses = {503: {"model": Health, "description": "The same, and why not"}}

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_model=Health, responses=_UNAVAILABLE)
async def healthz(request: Request) -> Response:
    """200 while images are decoded and every loaded model makes progress.

    Where no request completed lately, a drawn image and a real inference prove it. While these take longer than a
    moment, the last answer holds.
    """
    components: Components | None = request.app.state.components
    if components is None:
        failure = request.app.state.failure
        return _health("failed" if failure else "loading", 503 if failure else 200)
    checks: HealthChecks[tuple[Progress, Progress]] = request.app.state.health_checks  # set before the components are
    models, decoders = await checks.verdict()
    is_stuck = any((*models.values(), *decoders.values()))
    return _health("stuck" if is_stuck else "ok", 503 if is_stuck else 200, models, decoders)


async def check_progress(components: Components) -> tuple[Progress, Progress]:
    """Of models and of decoders: None for each that makes progress, else why not."""
    after_seconds = components.settings.runtime.probe_after_seconds
    return await asyncio.gather(components.runtime.check(), components.decoders.check(after_seconds=after_seconds))


@router.get("/readyz", response_model=Health, responses=_UNAVAILABLE)
async def readyz(request: Request) -> Response:
    """200 once every configured model is warm."""
    components: Components | None = request.app.state.components
    if components is None:
        failure: KernelSightError | None = request.app.state.failure
        return _health("loading" if failure is None else public_detail(failure), 503)
    return _health("ready", 200, dict.fromkeys(components.runtime.models))


@router.get(
    "/metrics",
    responses=problems(401, 403, 404, 429),
    dependencies=[requires("read-metrics")],
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus: OpenMetrics with exemplars if the client accepts it, else the classic text."""
    body, media_type = request.app.state.metrics.render(request.headers.get("accept", ""))
    return Response(body, media_type=media_type)


@router.get("/", include_in_schema=False)
async def root() -> Response:
    return RedirectResponse("/docs")


def _health(status: str, code: int, models: Progress | None = None, decoders: Progress | None = None) -> Response:
    return JSONResponse(Health(status=status, models=models or {}, decoders=decoders or {}).model_dump(), code)
