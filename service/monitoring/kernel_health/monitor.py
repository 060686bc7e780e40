"""Inspects the kernels of the loaded models periodically, and those of any model on request."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from models.errors import KernelSightError
from models.kernels.activation_probe import ActivationProbe
from models.kernels.health import KernelHealth
from models.kernels.inspection import inspect_kernels
from models.kernels.layers import find_conv_layers, find_layer
from models.kernels.probe_images import draw_probe_images
from models.kernels.rendering import activations_png, kernels_png
from models.manifest import InputContract, Manifest
from models.onnx_graph import OnnxGraph
from models.store.store import Store
from service.components import Components
from service.monitoring.kernel_health.idle_thread import IdleThread, IdleThreadClosed
from service.monitoring.kernel_health.metrics import KernelHealthCollector
from service.monitoring.kernel_health.traffic_sample import ENOUGH_PICTURES, CurrentManifest, TrafficSample

log = logging.getLogger(__name__)

_FIRST_INSPECTION = 0.1  # of the interval: at start other work comes first


class KernelMonitor:
    """Inspects every `seconds`; with 0 only on request."""

    def __init__(self, store: Store, thread: IdleThread, traffic: TrafficSample, *, seconds: float) -> None:
        self._store, self._thread, self._traffic, self._seconds = store, thread, traffic, seconds
        self._healths: dict[str, KernelHealth] = {}

    @property
    def healths(self) -> Sequence[KernelHealth]:
        """The last inspection of each model."""
        return tuple(self._healths.values())

    async def health(self, manifest: Manifest) -> KernelHealth:
        """The last inspection where they are periodic, else a new one; raises what `inspect` raises."""
        known = self._healths.get(manifest.id)
        return known if known and self._seconds else await self.inspect(manifest)

    async def inspect(self, manifest: Manifest) -> KernelHealth:
        """Raises KernelsUnavailable, ModelMissing, ModelCorrupt, InferenceFailed, Overloaded or IdleThreadClosed."""
        traffic = self._traffic.get(manifest.id)
        found = await self._thread.run(inspect_kernels, self._store, manifest, traffic, self._thread.pause)
        self._traffic.reset(manifest.id)
        self._healths[manifest.id] = found
        return found

    async def kernels_png(self, manifest: Manifest, layer: str | None) -> bytes:
        """A layer's kernels; without a name the first layer's. Raises LayerUnknown and what `inspect` raises."""
        health = await self.health(manifest)
        return await self._thread.run(self._draw_kernels, manifest, layer, health)

    def _draw_kernels(self, manifest: Manifest, name: str | None, health: KernelHealth) -> bytes:
        layers = find_conv_layers(manifest.id, OnnxGraph.read(manifest.id, self._store.graph(manifest)))
        layer = find_layer(manifest.id, layers, name)
        dead = next((one.dead for one in health.layers if one.name == layer.name), [])
        return kernels_png(manifest, layer, dead)

    async def activations_png(self, manifest: Manifest, layer: str | None) -> bytes:
        """A layer's strongest activations on the probe images; raises LayerUnknown and what `inspect` raises."""
        return await self._thread.run(self._draw_activations, manifest, layer)

    def _draw_activations(self, manifest: Manifest, name: str | None) -> bytes:
        probe = ActivationProbe.open(manifest, self._store.graph(manifest))
        return activations_png(probe, find_layer(manifest.id, probe.layers, name), draw_probe_images())

    async def inspect_periodically(self, models: Sequence[str], current: CurrentManifest) -> None:
        """Run until cancelled. A model that cannot be inspected is logged."""
        await asyncio.sleep(self._seconds * _FIRST_INSPECTION)
        while True:
            for model in models:
                try:
                    await self.inspect(current(model))
                except IdleThreadClosed:
                    return
                except KernelSightError as problem:
                    log.warning("the kernels of %s cannot be inspected: %s", model, problem)
            await asyncio.sleep(self._seconds)


def current_manifest(components: Components, model: str) -> Manifest:
    """The manifest of the version that answers now, which may be a promoted one. Raises ModelUnknown."""
    return (
        components.runtime.loaded(model).manifest
        if model in components.runtime.models
        else components.catalog.get(model)
    )


@asynccontextmanager
async def open_kernel_monitor(components: Components) -> AsyncIterator[KernelMonitor]:
    """Inspect the loaded models every `kernel_check_seconds` seconds, in idle time."""

    def is_client_waiting() -> bool:
        return any(one.waiting["interactive"] for one in components.runtime.statuses())

    def current(model: str) -> Manifest:
        return current_manifest(components, model)

    seconds = components.settings.monitoring.kernel_check_seconds
    thread = IdleThread(is_client_waiting)
    traffic = TrafficSample(
        current, components.store, components.pool, thread, spacing_seconds=seconds / ENOUGH_PICTURES
    )
    monitor = KernelMonitor(components.store, thread, traffic, seconds=seconds)
    components.metrics.registry.register(KernelHealthCollector(lambda: monitor.healths))
    task: asyncio.Task[None] | None = None
    if seconds:
        components.engine.add_observer(traffic.observe)
        pictured = [one for one in components.runtime.models if isinstance(current(one).input, InputContract)]
        task = asyncio.create_task(monitor.inspect_periodically(pictured, current))
    try:
        yield monitor
    finally:
        if task:
            task.cancel()
        await traffic.close()
        await asyncio.to_thread(thread.close)
