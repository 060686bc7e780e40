"""An app of only the routes of quality, over an observer of the test's own."""

from types import SimpleNamespace

from fastapi import Depends, FastAPI

from service import problems
from service.access import require_key
from service.api import quality
from service.metrics import Metrics
from service.quality.observer import Quality
from service.settings import Settings


def app_of(observer: Quality, settings: Settings) -> FastAPI:
    app = FastAPI()
    app.include_router(quality.router, dependencies=[Depends(require_key)])
    problems.install(app)
    app.state.settings, app.state.metrics, app.state.failure = settings, Metrics(), None
    app.state.house = SimpleNamespace(settings=settings)
    app.state.watch = SimpleNamespace(quality=observer)
    return app
