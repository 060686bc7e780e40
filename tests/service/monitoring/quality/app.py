"""An app with only the monitoring routes, over an observer of the test's own."""

from pathlib import Path
from types import SimpleNamespace

from fastapi import FastAPI

from service.http import error_handlers
from service.http.routes import monitoring
from service.keys.keyring import open_keyring
from service.keys.rate_limits import RateLimiter
from service.monitoring.quality.observer import QualityObserver
from service.settings import Settings
from service.telemetry.metrics import Metrics


def create_quality_app(observer: QualityObserver, settings: Settings) -> FastAPI:
    app = FastAPI()
    app.include_router(monitoring.router)
    error_handlers.install_error_handlers(app)
    app.state.settings, app.state.metrics, app.state.failure = settings, Metrics(), None
    app.state.keyring = open_keyring(settings.server.model_copy(update={"keys": Path("/nowhere/keys.json")}))
    app.state.limiter, app.state.operate_port = RateLimiter(), None
    app.state.components = SimpleNamespace(settings=settings)
    app.state.monitors = SimpleNamespace(quality=observer)
    return app
