"""Opens models by manifest, warms them, and answers `infer` for every caller in the process.

Runtime ── "efficientnet-lite0" ─► Batcher ─► lanes ─► sessions
        └─ "opennsfw" ───────────► Batcher ─► …
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import monotonic, perf_counter
from typing import Literal

import numpy as np

from models.errors import DeviceUnavailable, KernelSightError, ModelMissing
from models.inference import BatchRecord, Inference
from models.manifest import Manifest
from models.priority import Priority
from models.runtime.batcher import Batcher
from models.runtime.loaded_model import Loaded
from models.runtime.model_info import Served, Standing
from models.runtime.session import Array, Device, Session, choose_device
from models.runtime.session_worker import Plan
from models.store.store import GRAPH, Store

# Told the inputs, with a leading axis of rows or without, and the answer: on the event loop, so it has to be quick.
Tap = Callable[[Mapping[str, Array], Inference], None]

_is_traffic: ContextVar[bool] = ContextVar("is_traffic", default=True)


def is_traffic() -> bool:
    return _is_traffic.get()


@contextmanager
def as_traffic(wanted: bool) -> Iterator[None]:
    """Whether taps hear of what is inferred in this block and in the tasks that it starts."""
    token = _is_traffic.set(wanted)
    try:
        yield
    finally:
        _is_traffic.reset(token)


log = logging.getLogger(__name__)

Observer = Callable[[Served, BatchRecord], None]  # called on the lane's thread, which does nothing else meanwhile


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
        self._loaded: dict[str, Loaded] = {}
        self._taps: dict[str, Tap] = {}

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
            loaded = await self.load(manifest)
        except DeviceUnavailable as error:
            if not self._may_fall_back:
                raise
            log.warning("%s; using the CPU instead", error)
            self.device = "cpu"
            loaded = await self.load(manifest)
        self._loaded[manifest.id] = loaded

    async def load(self, manifest: Manifest, *, aside: bool = False) -> Loaded:
        """Load and warm a graph that nobody is answered by before `promote`; raises as `open` does.

        One that is to stay `aside` has a single lane, and the observer does not hear of it.
        """
        path, plan, device, started = self._store.graph(manifest), self.plan(manifest), self.device, perf_counter()
        if aside:
            plan = replace(plan, lanes=1)
        served = await asyncio.to_thread(Served.of, manifest, path, self._sha256(manifest), device)
        vary = len(manifest.input.sizes) > 1
        batcher = await Batcher.open(
            manifest.id,
            lambda: Session(path, device=device, threads=plan.threads, shapes_vary=vary, inner=manifest.inner),
            _probes(manifest),
            plan,
            _unheard if aside else partial(self._observer, served),
        )
        seconds = perf_counter() - started
        log.info(
            "model %s %d is warm on %s: %d lanes, batches of up to %d, %.1f s",
            manifest.id, manifest.version, device, plan.lanes, plan.batch, seconds,
        )  # fmt: skip
        return Loaded(manifest, served, seconds, batcher)

    def promote(self, loaded: Loaded) -> Loaded:
        """From now on requests go to `loaded`; what answered before is the caller's to retire. Raises ModelMissing."""
        before = self.loaded(loaded.manifest.id)
        self._loaded[loaded.manifest.id] = loaded
        return before

    def loaded(self, model: str) -> Loaded:
        """What answers requests for `model` now; raises ModelMissing."""
        if model not in self._loaded:
            raise ModelMissing(model, "it is not loaded in this process", f"kernelsight models pull {model}")
        return self._loaded[model]

    def tap(self, model: str, listener: Tap) -> None:
        """Let it hear of every inference of `model` that is traffic, from now on; one listener a model."""
        self._taps[model] = listener

    async def infer(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """One item (no batch axis) through one model; see `Batcher.infer`."""
        return self._told(model, inputs, await self.loaded(model).infer(inputs, priority=priority, deadline=deadline))

    async def infer_many(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """Any number of items of one shape, on a leading axis; see `Batcher.infer_many`."""
        answer = await self.loaded(model).infer_many(inputs, priority=priority, deadline=deadline)
        return self._told(model, inputs, answer)

    def _told(self, model: str, inputs: Mapping[str, Array], answer: Inference) -> Inference:
        """A listener that fails costs nobody an answer."""
        if model in self._taps and is_traffic():
            try:
                self._taps[model](inputs, answer)
            except Exception:
                log.exception("bug in what listens to %s", model)
        return answer

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
        loaded = self.loaded(model)
        if monotonic() - loaded.batcher.last_done < self._probe_after:
            return None
        try:
            await loaded.probe(deadline=monotonic() + timeout_seconds)
        except KernelSightError as error:
            return str(error)
        return None

    def standing(self) -> list[Standing]:
        """Of every model, in the order in which they were opened."""
        return [loaded.standing() for loaded in list(self._loaded.values())]  # a scrape may be in another thread

    async def close(self, *, grace_seconds: float = 10.0) -> None:
        """Finish what waits and what runs, then release the sessions."""
        await asyncio.gather(*(one.batcher.close(grace_seconds=grace_seconds) for one in self._loaded.values()))
        self._loaded.clear()

    def _sha256(self, manifest: Manifest) -> str:
        record = self._store.record(manifest)
        assert record is not None  # the graph was found a moment ago
        return record.files[GRAPH].sha256


def _unheard(record: BatchRecord) -> None:
    """What a graph that stays aside tells of its batches: nothing."""


def _cores() -> int:
    """Cores that this process may use: containers and `taskset` give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _probes(manifest: Manifest) -> list[dict[str, Array]]:
    """A grey item of every accepted shape."""
    dtype = np.dtype(manifest.input.dtype)
    return [{manifest.input.name: np.full(shape, 127, dtype)} for shape in manifest.input.item_shapes]
