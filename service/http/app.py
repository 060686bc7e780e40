"""The HTTP application: routes, errors, limits, and a lifespan that opens and closes the house."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline

from models.errors import KernelSightError
from service.components import open_components
from service.http import error_handlers
from service.http.auth import require_key
from service.http.middleware import BodyLimit, Measure, Named, Unforeseen
from service.http.routes import categories, documents, health, images, jobs, models, monitoring, openai
from service.monitoring.monitors import open_monitors
from service.queue.embedded import EmbeddedUnavailable
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import open_tracing
from service.worker.job_services import JobServices, open_job_services
from service.worker.metrics import JobMetrics
from service.worker.worker import working

log = logging.getLogger(__name__)

# base64 makes 3 bytes 4; a form or JSON around the image takes a little more.
_BODY_OVERHEAD = 64 * 1024
_AGAIN_SECONDS = 2.0
_OPS = Path(__file__).parents[1] / "web" / "ops"


def create_app(settings: Settings, *, on_failure: Callable[[], None] = lambda: None) -> FastAPI:
    """The app answers at once; until the models are warm `/readyz` says so and `/v1` answers 503.

    `on_failure` is called when the models cannot be loaded; `app.state.failure` is the KernelSightError that says why.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            loading = asyncio.create_task(_load(app, stack, on_failure))
            yield
            loading.cancel()
            await asyncio.wait({loading})
        await asyncio.to_thread(tracing.close)

    tracing = open_tracing(settings, "api")
    app = FastAPIOffline(
        title="KernelSight",
        version=version("kernelsight"),
        summary="Image understanding for multimodal chatbots.",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # tracing.py's are ours: these have queries
    )
    app.state.settings, app.state.metrics, app.state.tracing = settings, Metrics(), tracing
    app.state.components, app.state.monitors, app.state.jobs, app.state.failure = None, None, None, None
    for part in (images, documents, openai, categories, models, jobs, monitoring):
        app.include_router(part.router, dependencies=[Depends(require_key)])
    app.include_router(health.router)
    app.mount("/ops", StaticFiles(directory=_OPS, html=True))  # only a page: what it shows, /metrics asks the key for
    error_handlers.install(app)
    app.add_middleware(Unforeseen, metrics=app.state.metrics)  # the innermost
    app.add_middleware(
        BodyLimit,
        limit=settings.max_image_bytes * 4 // 3 + _BODY_OVERHEAD,
        exceptions={
            categories.TRAINING: settings.max_training_bytes,
            documents.READING: settings.max_document_bytes * 4 // 3 + _BODY_OVERHEAD,
            jobs.SUBMITTING: settings.max_document_bytes * 4 // 3 + _BODY_OVERHEAD,
            openai.UPLOADING: settings.max_batch_bytes + _BODY_OVERHEAD,
        },
    )
    app.add_middleware(Measure, metrics=app.state.metrics)
    app.add_middleware(Named, tracing=tracing)
    return app


async def _load(app: FastAPI, stack: AsyncExitStack, on_failure: Callable[[], None]) -> None:
    """First what answers now; a queue that cannot be reached is no reason not to."""
    settings = app.state.settings
    try:
        components = await stack.enter_async_context(open_components(settings, app.state.metrics))
        app.state.monitors = await stack.enter_async_context(open_monitors(components))
        app.state.components = components
        app.state.jobs = await _jobs(settings, stack)
    except KernelSightError as error:
        app.state.failure = error
        on_failure()
        return
    metrics = JobMetrics(app.state.metrics.registry)
    await stack.enter_async_context(metrics.watching(app.state.jobs))
    if settings.worker_here:
        await stack.enter_async_context(working(app.state.components, app.state.jobs, metrics, app.state.tracing))


async def _jobs(settings: Settings, stack: AsyncExitStack) -> JobServices:
    """Raises SettingsInvalid."""
    while True:
        try:
            return await stack.enter_async_context(open_job_services(settings))
        except EmbeddedUnavailable as error:
            log.error("no jobs yet: %s", error)
            await asyncio.sleep(_AGAIN_SECONDS)
