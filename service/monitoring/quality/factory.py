"""Attach quality and drift monitoring to the engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.components import Components
from service.monitoring.quality.metrics import DriftCollector, QualityMetrics
from service.monitoring.quality.observer import QualityObserver
from service.monitoring.quality.reference_manager import ReferenceManager
from service.monitoring.quality.reference_store import ReferenceStore
from service.monitoring.quality.subjects import DriftSubjects


def observe_quality(components: Components) -> QualityObserver:
    """Observe everything that the engine answers from now on."""
    registry = components.metrics.registry
    settings = components.settings
    quality = QualityObserver(
        DriftSubjects.from_components(components),
        components.encoder,
        QualityMetrics(registry),
        settings.monitoring.drift_window,
        settings.monitoring.quality_rate,
    )
    registry.register(DriftCollector(quality))
    components.engine.add_observer(quality.observe)
    return quality


@asynccontextmanager
async def open_quality(components: Components) -> AsyncIterator[QualityObserver]:
    """Observe quality, and keep the references up to date."""
    settings, quality = components.settings, observe_quality(components)
    manager = ReferenceManager(
        quality.trackers.values(),
        ReferenceStore(settings.monitoring.references),
        components.pool,
        auto=settings.monitoring.reference_auto,
        observations=settings.monitoring.reference_observations,
    )
    async with manager.run():
        yield quality
