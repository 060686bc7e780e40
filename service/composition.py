"""The composition root: the one place that builds store, runtime and engine from settings.

The app, the command line, and later workers and batch jobs all come through here.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from models.errors import ModelMissing
from models.labels import label_set
from models.manifest import Catalog, Manifest
from models.runtime import Runtime
from models.store import GRAPH, Store
from pipelines.captioning import Captioning, FeaturesOptions
from pipelines.decode import Limits
from pipelines.engine import Engine
from pipelines.pipeline import CpuPool
from pipelines.types import ModelUsed
from service.metrics import Metrics
from service.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class House:
    """Everything that answering takes, opened and warm."""

    settings: Settings
    catalog: Catalog
    store: Store
    runtime: Runtime
    engine: Engine
    pool: CpuPool


def open_catalog(settings: Settings) -> Catalog:
    return Catalog.load(*([settings.catalog] if settings.catalog else []))


def open_store(settings: Settings) -> Store:
    return Store(settings.store.expanduser(), mirror=settings.model_mirror)


def choose_encoder(settings: Settings, catalog: Catalog, store: Store) -> Manifest:
    """The encoder that the operator named, or the first choice of the task that is in the store.

    Raises ModelUnknown, or ModelMissing with the command that fetches it.
    """
    if settings.encoder:
        manifest = catalog.get(settings.encoder)
        store.graph(manifest)
        log.info("encoder %s, named by KERNELSIGHT_ENCODER", manifest.id)
        return manifest
    ready = {manifest.id for manifest in catalog if store.state(manifest) == "ready"}
    preference = catalog.choose("encoder", ready)
    if preference is None:
        first = catalog.get(catalog.tasks["encoder"][0].models[0])
        store.graph(first)  # raises, and says what is missing
        raise ModelMissing(first.id, "it is not in the store", f"kernelsight models pull {first.id}")
    log.info("encoder %s: %s", preference.models[0], preference.reason)
    return catalog.get(preference.models[0])


@asynccontextmanager
async def open_house(settings: Settings, metrics: Metrics) -> AsyncIterator[House]:
    """Load and warm every configured model, and close all of it on the way out.

    Raises ModelUnknown, ModelMissing, ModelCorrupt, DeviceUnavailable or CatalogInvalid.
    """
    catalog, store = open_catalog(settings), open_store(settings)
    encoder = choose_encoder(settings, catalog, store)
    runtime = Runtime(
        store,
        device=settings.device,
        queue=settings.queue_limit,
        hang_seconds=settings.hang_seconds,
        probe_after_seconds=settings.probe_after_seconds,
        observer=metrics.observe_batch,
    )
    pool = CpuPool(limit=settings.queue_limit)
    try:
        await runtime.open(encoder)
        captioning = Captioning(encoder, _used(store, encoder), label_set(encoder.labels or ""), runtime.infer, pool)
        engine = Engine([captioning], pool=pool, limits=image_limits(settings))
        await engine.warm({captioning.name: FeaturesOptions()})
        metrics.watch(runtime, lambda: [_info(used, runtime) for used in captioning.models])
        yield House(settings, catalog, store, runtime, engine, pool)
    finally:
        await runtime.close(grace_seconds=settings.drain_seconds)
        pool.close()


def image_limits(settings: Settings) -> Limits:
    return Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_image_frames)


def _used(store: Store, manifest: Manifest) -> ModelUsed:
    record = store.record(manifest)
    assert record is not None  # the graph was found a moment ago
    return ModelUsed(id=manifest.id, version=manifest.version, sha256=record.files[GRAPH].sha256)


def _info(used: ModelUsed, runtime: Runtime) -> dict[str, str]:
    return {"id": used.id, "version": str(used.version), "sha256": used.sha256, "device": runtime.device}
