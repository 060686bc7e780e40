"""Samples the models' activations on incoming pictures: now and then one is reduced to statistics, off its request.

Only those statistics are kept; until then a small copy of the picture is in memory, for seconds.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic

from PIL import Image

from models.errors import KernelSightError
from models.kernels.activation_probe import ActivationProbe
from models.kernels.inspection import TrafficActivations, measure_pictures, takes_whole_pictures
from models.manifest import Manifest
from models.store.store import Store
from pipelines.cpu_pool import CpuPool, at_priority
from pipelines.findings import Observation
from service.monitoring.kernel_health.idle_thread import IdleThread

log = logging.getLogger(__name__)

CurrentManifest = Callable[[str], Manifest]

ENOUGH_PICTURES = 8  # of one inspection
_PREVIEW_SIDE = 512  # pixels of the longer side
_PATIENCE_SECONDS = 30.0  # a picture that waits longer for the idle thread is dropped


class TrafficSample:
    """Takes at most one picture in `spacing_seconds`, one at a time; `observe` is an observer of the engine."""

    def __init__(
        self, current: CurrentManifest, store: Store, pool: CpuPool, thread: IdleThread, *, spacing_seconds: float
    ) -> None:
        """`current` returns the manifest of the version of a model that answers now."""
        self._current, self._store, self._pool, self._thread = current, store, pool, thread
        self._spacing, self._next = spacing_seconds, 0.0
        self._traffic: dict[str, TrafficActivations] = {}
        self._reducing: asyncio.Task[None] | None = None

    def observe(self, observation: Observation) -> None:
        if monotonic() < self._next or (self._reducing and not self._reducing.done()):
            return
        used = (self._current(one.id) for one in observation.findings.models)
        manifests = [manifest for manifest in used if takes_whole_pictures(manifest)]
        if manifests:
            self._next = monotonic() + self._spacing
            self._reducing = asyncio.create_task(self._reduce(observation.picture.pixels, manifests))

    def get(self, model: str) -> TrafficActivations | None:
        return self._traffic.get(model)

    def reset(self, model: str) -> None:
        """Start over where an inspection has used enough pictures; fewer are kept until there are more."""
        traffic = self._traffic.get(model)
        if traffic and traffic.pictures >= ENOUGH_PICTURES:
            del self._traffic[model]

    async def close(self) -> None:
        if self._reducing:
            self._reducing.cancel()
            await asyncio.wait({self._reducing})

    async def _reduce(self, pixels: Image.Image, manifests: Sequence[Manifest]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                with at_priority("batch"):
                    small = await self._pool.run(_preview, pixels)
                for manifest in manifests:
                    new = await self._thread.run(self._measure, manifest, small)
                    known = self._traffic.get(manifest.id)
                    self._traffic[manifest.id] = known.merge_with(new) if known else new
        except (KernelSightError, TimeoutError) as problem:
            log.info("a picture of the traffic was not measured: %s", problem or "the idle thread had no time")

    def _measure(self, manifest: Manifest, picture: Image.Image) -> TrafficActivations:
        probe = ActivationProbe.open(manifest, self._store.graph(manifest))
        return measure_pictures(probe, [picture], self._thread.pause)


def _preview(pixels: Image.Image) -> Image.Image:
    zoom = min(1.0, _PREVIEW_SIDE / max(pixels.size))
    size = max(1, round(pixels.width * zoom)), max(1, round(pixels.height * zoom))
    return pixels.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
