"""What models' kernels do on pictures that come in: now and then one is reduced to numbers, beside its request.

Of a picture nothing is kept but those numbers; until then it is a small copy in memory, for seconds.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic

from PIL import Image

from models.errors import KernelSightError
from models.kernels.activation_probe import Microscope
from models.kernels.inspection import Traffic, look_at, sees_whole_pictures
from models.manifest import Manifest
from models.store.store import Store
from pipelines.cpu_pool import CpuPool, at_priority
from pipelines.findings import Observation
from service.monitoring.kernel_health.idle_thread import QuietThread

log = logging.getLogger(__name__)

Current = Callable[[str], Manifest]

ENOUGH = 8  # pictures for a look
_PREVIEW = 512  # pixels of the longer side
_PATIENCE_SECONDS = 30.0  # so long a picture may wait for the quiet thread; then it is dropped


class TrafficSample:
    """At most one picture in `spacing_seconds`, and one at a time; its `observe` is an observer of the engine."""

    def __init__(
        self, current: Current, store: Store, pool: CpuPool, thread: QuietThread, *, spacing_seconds: float
    ) -> None:
        """`current` gives the manifest of the version of a model that answers now."""
        self._current, self._store, self._pool, self._thread = current, store, pool, thread
        self._spacing, self._next = spacing_seconds, 0.0
        self._traffic: dict[str, Traffic] = {}
        self._reducing: asyncio.Task[None] | None = None

    def observe(self, seen: Observation) -> None:
        if monotonic() < self._next or (self._reducing and not self._reducing.done()):
            return
        used = (self._current(one.id) for one in seen.findings.models)
        manifests = [manifest for manifest in used if sees_whole_pictures(manifest)]
        if manifests:
            self._next = monotonic() + self._spacing
            self._reducing = asyncio.create_task(self._reduce(seen.picture.pixels, manifests))

    def of(self, model: str) -> Traffic | None:
        return self._traffic.get(model)

    def start_anew(self, model: str) -> None:
        """After a look at enough pictures; fewer wait for more."""
        traffic = self._traffic.get(model)
        if traffic and traffic.pictures >= ENOUGH:
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
                    new = await self._thread.run(self._look, manifest, small)
                    known = self._traffic.get(manifest.id)
                    self._traffic[manifest.id] = known.and_of(new) if known else new
        except (KernelSightError, TimeoutError) as problem:
            log.info("a picture of the traffic was not looked at: %s", problem or "nobody had time")

    def _look(self, manifest: Manifest, picture: Image.Image) -> Traffic:
        microscope = Microscope.open(manifest, self._store.graph(manifest))
        return look_at(microscope, [picture], self._thread.pause)


def _preview(pixels: Image.Image) -> Image.Image:
    zoom = min(1.0, _PREVIEW / max(pixels.size))
    size = max(1, round(pixels.width * zoom)), max(1, round(pixels.height * zoom))
    return pixels.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
