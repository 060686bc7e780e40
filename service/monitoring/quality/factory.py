"""Quality, watching a house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.components import House
from service.monitoring.quality.metrics import DriftCollector, Instruments
from service.monitoring.quality.observer import Quality
from service.monitoring.quality.reference_manager import Keeper
from service.monitoring.quality.reference_store import References
from service.monitoring.quality.subjects import Subjects


def quality_of(house: House) -> Quality:
    """Hears of everything that the house's engine answers from now on."""
    registry = house.metrics.registry
    settings = house.settings
    quality = Quality(
        Subjects.of(house), house.encoder, Instruments(registry), settings.drift_window, settings.quality_rate
    )
    registry.register(DriftCollector(quality))
    house.engine.watch(quality)
    return quality


@asynccontextmanager
async def open_quality(house: House) -> AsyncIterator[Quality]:
    """With its references kept up to date."""
    settings, quality = house.settings, quality_of(house)
    keeper = Keeper(
        quality.trackers.values(),
        References(settings.references),
        house.pool,
        auto=settings.reference_auto,
        observations=settings.reference_observations,
    )
    async with keeper.keeping():
        yield quality
