"""Opens models by manifest, warms them, and answers `infer` for every caller in the process.

Runtime ── "efficientnet-lite0" ─► Batcher ─► session workers ─► sessions
        └─ "opennsfw" ───────────► Batcher ─► …
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic, perf_counter
from typing import Literal

import numpy as np

from models.arrays import Array
from models.device import Device
from models.errors import DeviceUnavailable, KernelSightError, ModelMissing
from models.inference import BatchRecord, Inference
from models.manifest import Manifest, TextManifest
from models.priority import Priority
from models.runtime.backends.onnxruntime import choose_device
from models.runtime.batcher import Batcher
from models.runtime.loaded_model import LoadedModel
from models.runtime.model_info import ModelInfo, ModelStatus
from models.runtime.session_worker import BatchPlan
from models.runtime.traffic import is_traffic
from models.store.store import Store
from models.variants.choice import ONLY_REFERENCE, VariantWish
from models.variants.record import read_checks
from models.variants.sessions import find_variants, open_session
from models.variants.variant import REFERENCE, Variant

# Called on the event loop, so it has to be quick, with the inputs (with or without a leading axis of rows) and the
# answer.
InferenceListener = Callable[[Mapping[str, Array], Inference], None]

log = logging.getLogger(__name__)

# Called on the session worker's thread, which does nothing else meanwhile.
RuntimeObserver = Callable[[ModelInfo, BatchRecord], None]


class Runtime:
    """Built and closed on one event loop. A model is ready once each of its workers has run every shape it accepts."""

    def __init__(
        self,
        store: Store,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        queue_limit: int = 256,
        hang_seconds: float = 60.0,
        probe_after_seconds: float = 10.0,
        giving_way: Collection[str] = (),
        wish: VariantWish = ONLY_REFERENCE,
        observer: RuntimeObserver = lambda model_info, record: None,
    ) -> None:
        """Models for a task in `giving_way` get the processor when the others leave it.

        Raises DeviceUnavailable when CUDA, or a variant that the operator wishes for by name, is missing.
        """
        self._store, self._observer, self._giving_way = store, observer, frozenset(giving_way)
        self._may_fall_back = device == "auto"
        self.device: Device = choose_device(device)
        self._queue_limit, self._hang_seconds, self._probe_after = queue_limit, hang_seconds, probe_after_seconds
        self.wish, self.variants = wish, find_variants(self.device) if wish != ONLY_REFERENCE else (REFERENCE,)
        wish.select(self.variants)
        self._loaded: dict[str, LoadedModel] = {}
        self._listeners: dict[str, InferenceListener] = {}

    def plan(self, manifest: Manifest) -> BatchPlan:
        """On a CPU a single-threaded session per core; on CUDA one session with large, padded batches.

        A text tower has one session on a CPU, too: texts are few, and each session holds 250 MB of weights.
        """
        if self.device == "cuda":
            plan = BatchPlan(workers=1, threads=1, max_batch=manifest.batch.cuda, pads=True)
        elif isinstance(manifest, TextManifest):
            plan = BatchPlan(workers=1, threads=_cores(), max_batch=manifest.batch.cpu)
        else:
            plan = BatchPlan(workers=_cores(), threads=1, max_batch=manifest.batch.cpu)
        return replace(
            plan,
            queue_limit=self._queue_limit,
            hang_seconds=self._hang_seconds,
            gives_way=manifest.task in self._giving_way,
        )

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
            self.device = "cpu"  # with the reference alone: there was a driver to be used
            loaded = await self.load(manifest)
        self._loaded[manifest.id] = loaded

    async def load(self, manifest: Manifest, *, as_shadow: bool = False) -> LoadedModel:
        """Load and warm a graph that answers no requests before `promote`; raises as `open` does.

        One that is loaded `as_shadow` has a single session worker, and the observer gets no records of it.
        """
        variant = await asyncio.to_thread(self.choose_variant, manifest)
        try:
            return await self._load_variant(manifest, variant, as_shadow=as_shadow)
        except KernelSightError as error:
            if REFERENCE not in self.wish.select(self.variants) or variant == REFERENCE:
                raise  # the backend was asked for by name, or there is no other
            log.error("%s in %s does not start; %s runs instead: %s", manifest.id, variant, REFERENCE, error)
            return await self._load_variant(manifest, REFERENCE, as_shadow=as_shadow)

    def choose_variant(self, manifest: Manifest) -> Variant:
        """The variant that a model is to run in by what is known of it now; raises as the store does."""
        return self.wish.choose(self.variants, read_checks(self._store, manifest))

    async def _load_variant(self, manifest: Manifest, variant: Variant, *, as_shadow: bool) -> LoadedModel:
        path, plan, device, started = self._store.graph(manifest), self.plan(manifest), self.device, perf_counter()
        if as_shadow:
            plan = replace(plan, workers=1)
        sha256 = self._store.graph_sha256(manifest)
        model_info = await asyncio.to_thread(ModelInfo.of, manifest, path, sha256, device, variant)
        batcher = await Batcher.open(
            manifest.id,
            lambda: open_session(
                variant,
                path,
                device=device,
                threads=plan.threads,
                shapes_vary=len(manifest.input.item_shapes) > 1,
                extra_outputs=manifest.undeclared_outputs,
            ),
            _probes(manifest),
            plan,
            _ignore_batch if as_shadow else partial(self._observer, model_info),
            model_info,
        )
        seconds = perf_counter() - started
        log.info(
            "model %s %d is warm on %s (%s): %d session workers, batches of up to %d, %.1f s",
            manifest.id, manifest.version, device, variant, plan.workers, plan.max_batch, seconds,
        )  # fmt: skip
        return LoadedModel(manifest, model_info, seconds, batcher, variant)

    def promote(self, loaded: LoadedModel) -> LoadedModel:
        """Send requests to `loaded` from now on; returns the one before, which the caller retires.

        Raises ModelMissing.
        """
        before = self.loaded(loaded.manifest.id)
        self._loaded[loaded.manifest.id] = loaded
        return before

    def loaded(self, model: str) -> LoadedModel:
        """The graph that answers requests for `model` now; raises ModelMissing."""
        if model not in self._loaded:
            raise ModelMissing(model, "it is not loaded in this process", f"kernelsight models pull {model}")
        return self._loaded[model]

    def set_listener(self, model: str, listener: InferenceListener) -> None:
        """Pass every inference of `model` that is traffic to `listener` from now on; one listener a model."""
        self._listeners[model] = listener

    async def infer(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """One item (no batch axis) through one model; see `Batcher.infer`."""
        answer = await self.loaded(model).batcher.infer(inputs, priority=priority, deadline=deadline)
        self._notify_listener(model, inputs, answer)
        return answer

    async def infer_many(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        """Any number of items of one shape, on a leading axis; see `Batcher.infer_many`."""
        answer = await self.loaded(model).batcher.infer_many(inputs, priority=priority, deadline=deadline)
        self._notify_listener(model, inputs, answer)
        return answer

    def _notify_listener(self, model: str, inputs: Mapping[str, Array], answer: Inference) -> None:
        """A listener that fails costs no caller its answer."""
        if model in self._listeners and is_traffic():
            try:
                self._listeners[model](inputs, answer)
            except Exception:
                log.exception("bug in the listener of %s", model)

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
            await loaded.batcher.probe(deadline=monotonic() + timeout_seconds)
        except KernelSightError as error:
            return str(error)
        return None

    def statuses(self) -> list[ModelStatus]:
        """One per model, in the order in which they were opened."""
        return [loaded.status() for loaded in list(self._loaded.values())]  # a scrape may be in another thread

    async def close(self, *, grace_seconds: float = 10.0) -> None:
        """Finish queued and running requests, then release the sessions."""
        await asyncio.gather(*(one.batcher.close(grace_seconds=grace_seconds) for one in self._loaded.values()))
        self._loaded.clear()


def _ignore_batch(record: BatchRecord) -> None:
    """The observer of a shadow version: metrics count only what answers requests."""


def _cores() -> int:
    """Cores that this process may use: containers and `taskset` give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _probes(manifest: Manifest) -> list[dict[str, Array]]:
    """A grey item of every accepted shape."""
    dtype = np.dtype(manifest.input.dtype)
    return [{manifest.input.name: np.full(shape, 127, dtype)} for shape in manifest.input.item_shapes]
