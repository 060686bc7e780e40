"""Looks at the kernels of the loaded models now and then, and at those of any model when somebody asks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from models.errors import KernelSightError
from models.kernels.activation_probe import Microscope
from models.kernels.health import KernelHealth
from models.kernels.inspection import look
from models.kernels.layers import layer_named, layers_of
from models.kernels.probe_images import drawn
from models.kernels.rendering import activations_png, kernels_png
from models.manifest import Manifest
from models.onnx_graph import Graph
from models.store.store import Store
from service.components import Components
from service.monitoring.kernel_health.idle_thread import QuietThread, QuietThreadClosed
from service.monitoring.kernel_health.metrics import KernelCollector
from service.monitoring.kernel_health.traffic_sample import ENOUGH, Current, TrafficSample

log = logging.getLogger(__name__)

_FIRST_LOOK = 0.1  # of the time between looks: starting up has better things to do


class KernelWatch:
    """`seconds` between looks; 0: only when somebody asks."""

    def __init__(self, store: Store, thread: QuietThread, traffic: TrafficSample, *, seconds: float) -> None:
        self._store, self._thread, self._traffic, self._seconds = store, thread, traffic, seconds
        self._healths: dict[str, KernelHealth] = {}

    @property
    def healths(self) -> Sequence[KernelHealth]:
        """The last look at each model."""
        return tuple(self._healths.values())

    async def health(self, manifest: Manifest) -> KernelHealth:
        """The last look where looks are regular, else a new one; raises as `look` does."""
        known = self._healths.get(manifest.id)
        return known if known and self._seconds else await self.look(manifest)

    async def look(self, manifest: Manifest) -> KernelHealth:
        """Raises KernelsUnavailable, ModelMissing, ModelCorrupt, InferenceFailed, Overloaded or QuietThreadClosed."""
        traffic = self._traffic.of(manifest.id)
        found = await self._thread.run(look, self._store, manifest, traffic, self._thread.pause)
        self._traffic.start_anew(manifest.id)
        self._healths[manifest.id] = found
        return found

    async def kernels_png(self, manifest: Manifest, layer: str | None) -> bytes:
        """A layer's kernels, the first layer's without a name; raises LayerUnknown and what `look` raises."""
        health = await self.health(manifest)
        return await self._thread.run(self._draw_kernels, manifest, layer, health)

    def _draw_kernels(self, manifest: Manifest, name: str | None, health: KernelHealth) -> bytes:
        layers = layers_of(manifest.id, Graph.read(manifest.id, self._store.graph(manifest)))
        layer = layer_named(manifest.id, layers, name)
        dead = next((one.dead for one in health.layers if one.name == layer.name), [])
        return kernels_png(manifest, layer, dead)

    async def activations_png(self, manifest: Manifest, layer: str | None) -> bytes:
        """A layer's strongest answers to the drawn pictures; raises LayerUnknown and what `look` raises."""
        return await self._thread.run(self._draw_activations, manifest, layer)

    def _draw_activations(self, manifest: Manifest, name: str | None) -> bytes:
        microscope = Microscope.open(manifest, self._store.graph(manifest))
        return activations_png(microscope, layer_named(manifest.id, microscope.layers, name), drawn())

    async def look_regularly(self, models: Sequence[str], current: Current) -> None:
        """Until cancelled. A model that cannot be looked at is a line in the log."""
        await asyncio.sleep(self._seconds * _FIRST_LOOK)
        while True:
            for model in models:
                try:
                    await self.look(current(model))
                except QuietThreadClosed:
                    return
                except KernelSightError as problem:
                    log.warning("no look at the kernels of %s: %s", model, problem)
            await asyncio.sleep(self._seconds)


def current_manifest(components: Components, model: str) -> Manifest:
    """Of the version that answers now: a promoted one is not the catalog's. Raises ModelUnknown."""
    return (
        components.runtime.loaded(model).manifest
        if model in components.runtime.models
        else components.catalog.get(model)
    )


@asynccontextmanager
async def watching_kernels(components: Components) -> AsyncIterator[KernelWatch]:
    """Look at the kernels of the house's models every `kernel_check_seconds` seconds, beside its work."""

    def somebody_waits() -> bool:
        return any(one.waiting["interactive"] for one in components.runtime.standing())

    def current(model: str) -> Manifest:
        return current_manifest(components, model)

    seconds = components.settings.kernel_check_seconds
    thread = QuietThread(somebody_waits)
    traffic = TrafficSample(current, components.store, components.pool, thread, spacing_seconds=seconds / ENOUGH)
    watch = KernelWatch(components.store, thread, traffic, seconds=seconds)
    components.metrics.registry.register(KernelCollector(lambda: watch.healths))
    looking: asyncio.Task[None] | None = None
    if seconds:
        components.engine.add_observer(traffic.observe)
        looking = asyncio.create_task(watch.look_regularly(components.runtime.models, current))
    try:
        yield watch
    finally:
        if looking:
            looking.cancel()
        await traffic.close()
        await asyncio.to_thread(thread.close)
