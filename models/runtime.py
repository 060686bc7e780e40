"""Opens models by manifest, warms them, and answers `infer` for every caller in the process.

Runtime ── "efficientnet-lite0" ─► Batcher ─► lanes ─► sessions
        └─ "opennsfw" ───────────► Batcher ─► …
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic, perf_counter
from typing import Literal

import numpy as np

from models.batcher import Batcher
from models.errors import DeviceUnavailable, KernelSightError, ModelMissing
from models.lane import BatchRecord, Inference, Plan
from models.manifest import Manifest
from models.served import Served, Standing
from models.session import Array, Device, Session, choose_device
from models.store import GRAPH, Store
from models.waiting import PRIORITIES, Priority

log = logging.getLogger(__name__)

Observer = Callable[[Served, BatchRecord], None]  # called on the lane's thread, which does nothing else meanwhile


@dataclass(frozen=True, slots=True)
class _Loaded:
    served: Served
    load_seconds: float
    batcher: Batcher


class Runtime:
    """Built and closed on one event loop. A model is ready once every lane has run every shape it accepts."""

    def __init__(
        self,
        store: Store,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        queue: int = 256,
        hang_seconds: float = 60.0,
        probe_after_seconds: float = 10.0,
        observer: Observer = lambda served, record: None,
    ) -> None:
        """Raises DeviceUnavailable when CUDA is asked for and missing."""
        self._store, self._observer = store, observer
        self._may_fall_back = device == "auto"
        self.device: Device = choose_device(device)
        self._queue, self._hang_seconds, self._probe_after = queue, hang_seconds, probe_after_seconds
        self._loaded: dict[str, _Loaded] = {}

    def plan(self, manifest: Manifest) -> Plan:
        """On a CPU a single-threaded session per core; on CUDA one session with large, padded batches."""
        if self.device == "cuda":
            plan = Plan(lanes=1, threads=1, batch=manifest.batch.cuda, pads=True)
        else:
            plan = Plan(lanes=_cores(), threads=1, batch=manifest.batch.cpu)
        return replace(plan, queue=self._queue, hang_seconds=self._hang_seconds)

    async def open(self, manifest: Manifest) -> None:
        """Load and warm a model, once; raises ModelMissing, ModelCorrupt, DeviceUnavailable or InferenceFailed."""
        if manifest.id in self._loaded:
            return
        try:
            await self._open(manifest)
        except DeviceUnavailable as error:
            if not self._may_fall_back:
                raise
            log.warning("%s; using the CPU instead", error)
            self.device = "cpu"
            await self._open(manifest)

    async def _open(self, manifest: Manifest) -> None:
        path, plan, device, started = self._store.graph(manifest), self.plan(manifest), self.device, perf_counter()
        served = await asyncio.to_thread(Served.of, manifest, path, self._sha256(manifest), device)
        vary = len(manifest.input.sizes) > 1
        batcher = await Batcher.open(
            manifest.id,
            lambda: Session(path, device=device, threads=plan.threads, shapes_vary=vary, inner=manifest.inner),
            _probes(manifest),
            plan,
            partial(self._observer, served),
        )
        seconds = perf_counter() - started
        self._loaded[manifest.id] = _Loaded(served, seconds, batcher)
        log.info(
            "model %s is warm on %s: %d lanes, batches of up to %d, %.1f s",
            manifest.id, device, plan.lanes, plan.batch, seconds,
        )  # fmt: skip

    async def infer(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """One item (no batch axis) through one model; see `Batcher.infer`."""
        return await self._batcher(model).infer(inputs, priority=priority, deadline=deadline)

    async def infer_many(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """Any number of items of one shape, on a leading axis; see `Batcher.infer_many`."""
        return await self._batcher(model).infer_many(inputs, priority=priority, deadline=deadline)

    @property
    def models(self) -> Sequence[str]:
        return tuple(self._loaded)

    async def check(self, *, timeout_seconds: float = 5.0) -> dict[str, str | None]:
        """Per model None when it makes progress, else why not. Runs a real inference when nothing completed lately."""
        names = list(self._loaded)
        return dict(
            zip(names, await asyncio.gather(*(self._check(name, timeout_seconds) for name in names)), strict=True)
        )

    async def _check(self, model: str, timeout_seconds: float) -> str | None:
        batcher = self._batcher(model)
        if monotonic() - batcher.last_done < self._probe_after:
            return None
        try:
            await batcher.probe(deadline=monotonic() + timeout_seconds)
        except KernelSightError as error:
            return str(error)
        return None

    def standing(self) -> list[Standing]:
        """Of every model, in the order in which they were opened."""
        return [_standing(loaded) for loaded in list(self._loaded.values())]  # a scrape may be in another thread

    async def close(self, *, grace_seconds: float = 10.0) -> None:
        """Finish what waits and what runs, then release the sessions."""
        await asyncio.gather(*(one.batcher.close(grace_seconds=grace_seconds) for one in self._loaded.values()))
        self._loaded.clear()

    def _sha256(self, manifest: Manifest) -> str:
        record = self._store.record(manifest)
        assert record is not None  # the graph was found a moment ago
        return record.files[GRAPH].sha256

    def _batcher(self, model: str) -> Batcher:
        if model not in self._loaded:
            raise ModelMissing(model, "it is not loaded in this process", f"kernelsight models pull {model}")
        return self._loaded[model].batcher


def _standing(loaded: _Loaded) -> Standing:
    batcher = loaded.batcher
    return Standing(
        loaded.served,
        loaded.load_seconds,
        {priority: batcher.depth(priority) for priority in PRIORITIES},
        batcher.oldest_seconds(),
        batcher.lanes,
        batcher.busy,
        batcher.respawns,
    )


def _cores() -> int:
    """Cores that this process may use: containers and `taskset` give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _probes(manifest: Manifest) -> list[dict[str, Array]]:
    """A grey item of every accepted shape."""
    dtype = np.dtype(manifest.input.dtype)
    return [{manifest.input.name: np.full(shape, 127, dtype)} for shape in manifest.input.item_shapes]
