"""The composition root: the one place that builds store, runtime and engine from settings.

The app, the command line, and later workers and batch jobs all come through here.
"""

import os
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from models.registry import Catalog
from models.runtime.runtime import Runtime
from models.store.promotions import promoted
from models.store.store import Store
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import Captioning, FeaturesOptions
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.pdf.client import Pdfium, PdfLimits
from pipelines.engine import Engine
from pipelines.explain.pipeline import Explain
from pipelines.faces.options import FacesOptions
from pipelines.faces.pipeline import AvatarPipeline, FacesPipeline
from pipelines.image.decode import Limits
from pipelines.image.sanitize import SanitizePipeline
from pipelines.moderation.categories.custom_categories import Categories
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import BUILT_IN, Policy, load_policy
from pipelines.moderation.text_pipeline import Texts
from pipelines.pipeline import Pipeline
from service.hot_reload import Reloading, file_state
from service.model_selection import DOCUMENT_TASKS, Choice, choose_all
from service.network.image_fetcher import ImageFetcher, open_fetcher
from service.pipeline_factory import Parts
from service.settings import Served, Settings
from service.telemetry.metrics import Metrics

# What each pipeline takes: tasks of tasks.toml.
TASKS: dict[str, tuple[str, ...]] = {
    "moderation": ("moderation", "encoder"),
    "features": ("encoder",),
    "explain": ("encoder",),
    "faces": ("faces",),
    "avatar": ("faces",),
    "sanitize": (),
    "document": DOCUMENT_TASKS,
}


# What is served with a pipeline because it takes the same models, and what takes none.
COMPANIONS: dict[Served, tuple[str, ...]] = {
    "moderation": (), "features": ("explain",), "faces": ("avatar",), "document": (),
}  # fmt: skip
ALWAYS = ("sanitize",)

_GPU_BULK = 64


WARMED = {"moderation": ModerationOptions(), "features": FeaturesOptions(), "faces": FacesOptions()}


@dataclass(frozen=True)
class Components:
    """Everything that answering takes, opened and warm."""

    settings: Settings
    metrics: Metrics
    catalog: Catalog
    choices: dict[str, Choice]
    store: Store
    runtime: Runtime
    engine: Engine
    encoder: Encoder
    policy: Reloading[Policy]
    heads: Reloading[HeadStore]
    moderation: ModerationPipeline
    texts: Texts
    categories: Categories
    pool: CpuPool
    fetcher: ImageFetcher


def open_catalog(settings: Settings) -> Catalog:
    """With the versions that were promoted."""
    store = open_store(settings)
    catalog = Catalog.load(*([settings.catalog] if settings.catalog else []))
    return catalog.with_each(lambda manifest: promoted(store, manifest))


def open_store(settings: Settings) -> Store:
    return Store(settings.store.expanduser(), mirror=settings.model_mirror, versions=settings.versions.expanduser())


def open_heads(settings: Settings) -> HeadStore:
    return HeadStore(settings.categories.expanduser()).refresh()


def watched_heads(settings: Settings, pool: CpuPool) -> Reloading[HeadStore]:
    heads = open_heads(settings)
    return Reloading("the folder of categories", heads.refresh, lambda: file_state(heads.paths), pool)


@asynccontextmanager
async def open_components(
    settings: Settings, metrics: Metrics, *, only: Collection[str] | None = None
) -> AsyncIterator[Components]:
    """Load and warm the models of the pipelines that are served, or of `only` these; close all of it on the way out.

    Raises ModelUnknown, ModelMissing, ModelCorrupt, DeviceUnavailable, SettingsInvalid, CatalogInvalid or
    PolicyInvalid.
    """
    names = served(settings) if only is None else only
    catalog, store = open_catalog(settings), open_store(settings)
    choices = choose_all(settings, catalog, store)
    runtime = _runtime(settings, store, metrics)
    pool, pdfium = CpuPool(limit=settings.queue_limit), Pdfium(pdf_limits(settings))
    try:
        await _load(runtime, choices, names)
        parts = Parts(settings, store, runtime, pool)
        encoder = parts.encoder(choices["encoder"])
        policy, heads = watched_policy(settings, pool), watched_heads(settings, pool)
        reader = await parts.reader(choices)
        reads = reader if "document" in names else None
        moderation = await parts.moderation(choices["moderation"], encoder, policy, heads, reads)
        pipelines = [moderation, *await _pipelines(parts, choices, encoder, reader, pdfium)]
        engine = Engine(
            [one for one in pipelines if one.name in names],
            pool=pool,
            limits=image_limits(settings),
            pdfium=pdfium,
            bulk=_bulk(runtime),
            live=parts.live,
        )
        categories = Categories(engine, encoder.used, await heads.current(), pool)
        if only is None:
            await engine.warm({name: options for name, options in WARMED.items() if name in names})
        metrics.watch(runtime, pool, encoder.cache)
        async with open_fetcher(settings.url_inputs, max_bytes=settings.max_image_bytes) as fetcher:
            yield Components(
                settings,
                metrics,
                catalog,
                {task: choices[task] for task in needed(names)},
                store,
                runtime,
                engine,
                encoder,
                policy,
                heads,
                moderation,
                Texts(moderation),
                categories,
                pool,
                fetcher,
            )
    finally:
        await runtime.close(grace_seconds=settings.drain_seconds)
        pool.close()
        pdfium.close()


def _runtime(settings: Settings, store: Store, metrics: Metrics) -> Runtime:
    return Runtime(
        store,
        device=settings.device,
        queue=settings.queue_limit,
        hang_seconds=settings.hang_seconds,
        probe_after_seconds=settings.probe_after_seconds,
        observer=metrics.batches.observe,
    )


async def _pipelines(
    parts: Parts, choices: Mapping[str, Choice], encoder: Encoder, reader: OcrReader, pdfium: Pdfium
) -> list[Pipeline[Any, Any]]:
    """All but moderation, which texts go through as well."""
    finder, limits = parts.face_finder(choices["faces"]), image_limits(parts.settings)
    return [
        Captioning(encoder, parts.pool),
        FacesPipeline(finder),
        AvatarPipeline(finder, parts.pool),
        Explain(encoder, await parts.explainers(encoder.manifest)),
        SanitizePipeline(limits, parts.pool),
        parts.documents(choices["layout"], reader, pdfium, limits),
    ]


def served(settings: Settings) -> tuple[str, ...]:
    """Every pipeline that requests may ask for."""
    return tuple(dict.fromkeys(one for name in settings.pipelines for one in (name, *COMPANIONS[name], *ALWAYS)))


def needed(pipelines: Iterable[str]) -> tuple[str, ...]:
    """The tasks that these pipelines take."""
    return tuple(dict.fromkeys(task for name in pipelines for task in TASKS[name]))


async def _load(runtime: Runtime, choices: Mapping[str, Choice], pipelines: Iterable[str]) -> None:
    for manifest in {one.id: one for task in needed(pipelines) for one in choices[task].models}.values():
        await runtime.open(manifest)


def watched_policy(settings: Settings, pool: CpuPool) -> Reloading[Policy]:
    """Raises PolicyInvalid."""
    path = settings.policy or BUILT_IN
    return Reloading(f"policy {str(path)!r}", lambda: load_policy(path), lambda: file_state([path]), pool)


def image_limits(settings: Settings) -> Limits:
    return Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_image_frames)


def pdf_limits(settings: Settings) -> PdfLimits:
    return PdfLimits(settings.max_document_bytes, settings.max_page_pixels)


def _bulk(runtime: Runtime) -> int:
    """Images of batch priority in flight: enough that no core waits for the next one, or that batches fill on a GPU."""
    return _GPU_BULK if runtime.device == "cuda" else 2 * (os.cpu_count() or 1)
