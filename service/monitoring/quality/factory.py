"""Quality, watching a house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.components import Components
from service.monitoring.quality.metrics import DriftCollector, Instruments
from service.monitoring.quality.observer import Quality
from service.monitoring.quality.reference_manager import Keeper
from service.monitoring.quality.reference_store import References
from service.monitoring.quality.subjects import Subjects


def quality_of(components: Components) -> Quality:
    """Hears of everything that the house's engine answers from now on."""
    registry = components.metrics.registry
    settings = components.settings
    quality = Quality(
        Subjects.of(components), components.encoder, Instruments(registry), settings.drift_window, settings.quality_rate
    )
    registry.register(DriftCollector(quality))
    components.engine.add_observer(quality)
    return quality


@asynccontextmanager
async def open_quality(components: Components) -> AsyncIterator[Quality]:
    """With its references kept up to date."""
    settings, quality = components.settings, quality_of(components)
    keeper = Keeper(
        quality.trackers.values(),
        References(settings.references),
        components.pool,
        auto=settings.reference_auto,
        observations=settings.reference_observations,
    )
    async with keeper.keeping():
        yield quality
