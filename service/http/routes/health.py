"""The routes for liveness, readiness and metrics."""

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from models.errors import KernelSightError
from service.components import Components
from service.http.dependencies import require_key
from service.http.openapi import Health
from service.problems import public_detail

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_model=Health)
async def healthz(request: Request) -> Response:
    """200 while every loaded model makes progress; a real inference proves it if no request completed lately."""
    components: Components | None = request.app.state.components
    if components is None:
        failure = request.app.state.failure
        return _health("failed" if failure else "loading", {}, 503 if failure else 200)
    models = await components.runtime.check()
    is_stuck = any(models.values())
    return _health("stuck" if is_stuck else "ok", models, 503 if is_stuck else 200)


@router.get("/readyz", response_model=Health)
async def readyz(request: Request) -> Response:
    """200 once every configured model is warm."""
    components: Components | None = request.app.state.components
    if components is None:
        failure: KernelSightError | None = request.app.state.failure
        return _health("loading" if failure is None else public_detail(failure), {}, 503)
    return _health("ready", dict.fromkeys(components.runtime.models), 200)


@router.get("/metrics", dependencies=[Depends(require_key)], response_class=Response)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus: OpenMetrics with exemplars if the client accepts it, else the classic text."""
    body, media_type = request.app.state.metrics.render(request.headers.get("accept", ""))
    return Response(body, media_type=media_type)


@router.get("/", include_in_schema=False)
async def root() -> Response:
    return RedirectResponse("/docs")


def _health(status: str, models: dict[str, str | None], code: int) -> Response:
    return JSONResponse(Health(status=status, models=models).model_dump(), code)
