"""Canaries as the settings want them."""

from collections.abc import Callable

from pipelines.engine import Engine
from service.canary.canaries import Canaries
from service.canary.golden import golden_sets
from service.canary.memory import Memory
from service.canary.results import CanaryResult
from service.settings import Settings


def canaries_of(
    engine: Engine, settings: Settings, heard: Callable[[CanaryResult], None] = lambda result: None
) -> Canaries:
    """Raises GoldenSetInvalid."""
    memory = Memory(settings.canary_answers.expanduser())
    return Canaries(engine, golden_sets(settings), memory, seconds=settings.document_seconds, heard=heard)
