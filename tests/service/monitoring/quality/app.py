"""An app with only the monitoring routes, over an observer of the test's own."""

from types import SimpleNamespace

from fastapi import Depends, FastAPI

from service.http import error_handlers
from service.http.dependencies import require_key
from service.http.routes import monitoring
from service.monitoring.quality.observer import QualityObserver
from service.settings import Settings
from service.telemetry.metrics import Metrics


def create_quality_app(observer: QualityObserver, settings: Settings) -> FastAPI:
    app = FastAPI()
    app.include_router(monitoring.router, dependencies=[Depends(require_key)])
    error_handlers.install_error_handlers(app)
    app.state.settings, app.state.metrics, app.state.failure = settings, Metrics(), None
    app.state.components = SimpleNamespace(settings=settings)
    app.state.monitors = SimpleNamespace(quality=observer)
    return app
