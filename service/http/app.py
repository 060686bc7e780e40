"""Builds the HTTP application: routes, error handlers, middleware, and a lifespan that opens and closes components."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from models.errors import KernelSightError
from service.components import open_components
from service.heap import frozen_heap
from service.http.bind import is_loopback
from service.http.browsers import CORS_METHODS, BrowserMiddleware
from service.http.error_handlers import install_error_handlers
from service.http.health_checks import open_health_checks
from service.http.middleware import RequestLimitMiddleware, RequestMiddleware, UnexpectedErrorMiddleware
from service.http.openapi import complete_openapi
from service.http.overload import OverloadMiddleware, open_doors
from service.http.pages import add_pages
from service.http.routes import categories, documents, health, images, jobs, models, monitoring, openai
from service.keys.keyring import open_keyring
from service.keys.rate_limits import RateLimiter
from service.model_variants import improving_variants
from service.monitoring.monitors import open_monitors
from service.operations.registry import OPERATIONS
from service.queue.embedded import EmbeddedUnavailable
from service.settings import ServerSettings, Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import open_tracing
from service.worker.job_services import JobServices, open_job_services
from service.worker.metrics import JobMetrics
from service.worker.worker import run_worker

log = logging.getLogger(__name__)

_BODY_OVERHEAD = 64 * 1024  # what a form or JSON may have around an image
_JOBS_RETRY_SECONDS = 2.0


def create_app(settings: Settings, *, on_failure: Callable[[], None] = lambda: None) -> FastAPI:
    """The app answers at once. Until the models are warm, `/readyz` says so and `/v1` answers 503. Raises KeysInvalid.

    `on_failure` is called if the models cannot be loaded; `app.state.failure` is then the KernelSightError.
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
        docs_url=None,
        redoc_url=None,
        title="KernelSight",
        version=version("kernelsight"),
        summary="Image understanding for multimodal chatbots.",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # these record queries; tracing.py does not
    )
    app.state.settings, app.state.metrics, app.state.tracing = settings, Metrics(), tracing
    app.state.operate_port = None  # whoever listens on one sets it: only then its number is known
    app.state.keyring, app.state.limiter = open_keyring(settings.server), RateLimiter()
    app.state.components, app.state.monitors, app.state.jobs, app.state.failure = None, None, None, None
    for routes in (images, documents, openai, categories, models, jobs, monitoring):
        app.include_router(routes.router)
    app.include_router(health.router)
    add_pages(app)
    install_error_handlers(app)
    complete_openapi(app)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The innermost first."""
    app.add_middleware(UnexpectedErrorMiddleware, metrics=app.state.metrics)
    document_body = _base64_body(settings.limits.max_document_bytes)
    app.add_middleware(
        RequestLimitMiddleware,
        limit=_base64_body(settings.limits.max_image_bytes),
        exceptions={
            categories.LARGE_BODY_ROUTE: settings.limits.max_training_bytes,
            documents.LARGE_BODY_ROUTE: document_body,
            jobs.LARGE_BODY_ROUTE: document_body,
            openai.LARGE_BODY_ROUTE: settings.batches.max_batch_bytes + _BODY_OVERHEAD,
        },
        max_parameters=settings.limits.max_fields,  # as many as a form may have fields
    )
    app.state.doors = open_doors(OPERATIONS.values(), settings.limits)
    app.add_middleware(OverloadMiddleware, doors=app.state.doors, metrics=app.state.metrics)
    _add_browser_middleware(app, settings.server)
    app.add_middleware(RequestMiddleware, tracing=app.state.tracing, metrics=app.state.metrics)


def _add_browser_middleware(app: FastAPI, settings: ServerSettings) -> None:
    """The innermost first."""
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=CORS_METHODS,
            allow_headers=["*"],
            expose_headers=["*"],
        )
    has_names = settings.allowed_hosts or is_loopback(settings.host)
    hosts = settings.allowed_hosts if has_names else None
    app.add_middleware(BrowserMiddleware, hosts=hosts, origins=settings.cors_origins)


def _base64_body(file_bytes: int) -> int:
    """Bytes of the largest body that has a file of this size, which may be base64."""
    return file_bytes * 4 // 3 + _BODY_OVERHEAD


async def _load(app: FastAPI, stack: AsyncExitStack, on_failure: Callable[[], None]) -> None:
    """Open the components first, then the jobs: requests are answered even while the queue cannot be reached."""
    settings = app.state.settings
    try:
        components = await stack.enter_async_context(open_components(settings, app.state.metrics))
        app.state.monitors = await stack.enter_async_context(open_monitors(components))
        components.engine.add_observer(app.state.limiter.observe)
        checks = open_health_checks(partial(health.check_progress, components))
        app.state.health_checks = await stack.enter_async_context(checks)
        app.state.components = components
        app.state.jobs = await _open_jobs(settings, stack)
        app.state.limiter.counts.share_in(app.state.jobs.queue.scripts)
    except KernelSightError as error:
        app.state.failure = error
        on_failure()
        return
    metrics = JobMetrics(app.state.metrics.registry)
    await stack.enter_async_context(metrics.updating(app.state.jobs))
    if settings.worker.worker_here:
        await stack.enter_async_context(run_worker(app.state.components, app.state.jobs, metrics, app.state.tracing))
    await stack.enter_async_context(improving_variants(components))
    stack.enter_context(frozen_heap())


async def _open_jobs(settings: Settings, stack: AsyncExitStack) -> JobServices:
    """Try until the queue can be opened. Raises SettingsInvalid."""
    while True:
        try:
            return await stack.enter_async_context(open_job_services(settings))
        except EmbeddedUnavailable as error:
            log.error("jobs are not available yet: %s", error)
            await asyncio.sleep(_JOBS_RETRY_SECONDS)
