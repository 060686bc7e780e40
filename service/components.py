"""The composition root: builds store, runtime, pipelines and engine from settings.

The HTTP app, workers, bulk runs and the command line all open their components here.
"""

import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.registry import Catalog
from models.store.promotions import resolve_promoted
from models.store.store import Store
from pipelines.allocator import give_back_free_blocks
from pipelines.captioner.captioner import Captioner
from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import PdfLimits
from pipelines.documents.pdf.client_pool import PdfiumPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from pipelines.image.decoders import ALL_FORMATS, RISKY_FORMATS, DecoderLimits, Decoders
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.policy import Policy
from pipelines.pipeline import Pipeline
from pipelines.pixel_budget import PixelBudget
from pipelines.registry import PIPELINES, served_with
from pipelines.types import ModelUsed
from service.hot_reload import Reloading, file_state
from service.model_selection import ModelSelection, plan_serving
from service.network.captioner_client import open_captioner
from service.network.image_fetcher import ImageFetcher, open_fetcher
from service.settings import Settings
from service.telemetry.metrics import Metrics

if TYPE_CHECKING:  # they load OpenCV and ONNX Runtime, which a process does not need before it opens components
    from models.runtime.runtime import Runtime
    from pipelines.captioning.encoder import ImageEncoder
    from pipelines.captioning.encoder_cache import EncoderCache
    from pipelines.clip.encoder import ClipEncoder
    from pipelines.clip.zero_shot import ZeroShotClassifier
    from pipelines.moderation.categories.custom_categories import CustomCategories
    from pipelines.moderation.text_pipeline import TextModeration

_GPU_BULK = 64


@dataclass(frozen=True)
class Components:
    """Everything that operations need, open and warm. `selections` are the models by task.

    `absent` are the selections without models: pipelines that need them are not served. `captioner`, `clip` and
    `zero_shot` are there where settings ask for them; the latter two with features.
    """

    settings: Settings
    metrics: Metrics
    catalog: Catalog
    selections: dict[str, ModelSelection]
    absent: dict[str, ModelSelection]
    store: Store
    runtime: "Runtime"
    engine: Engine
    decoders: Decoders
    encoder: "ImageEncoder"
    clip: "ClipEncoder | None"
    zero_shot: "ZeroShotClassifier | None"
    policy: Reloading[Policy]
    heads: Reloading[HeadStore]
    texts: "TextModeration"
    categories: "CustomCategories"
    pool: CpuPool
    fetcher: ImageFetcher
    captioner: Captioner | None


@asynccontextmanager
async def open_components(
    settings: Settings, metrics: Metrics, *, only: Collection[str] | None = None
) -> AsyncIterator[Components]:
    """Open the served pipelines with their models and warm them, or open `only` the named ones; close all at the end.

    Raises ModelUnknown, ModelMissing, ModelCorrupt, DeviceUnavailable, SettingsInvalid, CatalogInvalid, PolicyInvalid
    or LabelsInvalid.
    """
    from pipelines.moderation.categories.custom_categories import CustomCategories
    from pipelines.moderation.signals.objects import looks_for_things
    from service.pipeline_factory import PipelineFactory

    catalog, store = open_catalog(settings), open_store(settings)
    plan = plan_serving(served_pipelines(settings) if only is None else only, settings, catalog, store)
    async with (
        _open_workers(settings, store, metrics) as workers,
        open_fetcher(settings.server.url_inputs, max_bytes=settings.limits.max_image_bytes) as fetcher,
        open_captioner(settings.captioner, metrics.captioner.observe) as captioner,
    ):
        runtime, pool, decoders = workers.runtime, workers.pool, workers.decoders
        policy, heads = open_policy(settings, pool), open_reloading_heads(settings, pool)
        if "moderation" in plan.names and looks_for_things(await policy.current()):
            plan = plan.including("objects")
        await _load_models(runtime, plan.chosen.values())
        factory = PipelineFactory(settings, store, runtime, plan.selections, pool, decoders, workers.pdfium)
        reads_text = not {"document", "text"}.isdisjoint(plan.names)
        resources = await factory.open_resources(policy, heads, reads_text=reads_text)
        pipelines = {name: await PIPELINES[name].build(resources) for name in {"moderation", *plan.names}}
        served = [pipelines[name] for name in PIPELINES if name in plan.names]
        engine = workers.open_engine(served, settings, factory.current_version, plan.reasons)
        if only is None:
            warm_ups = {name: PIPELINES[name].warm_up for name in plan.names}
            await engine.warm({name: options for name, options in warm_ups.items() if options is not None})
            await decoders.warm()
            await pool.run(give_back_free_blocks)  # what opening the models took beside them: 250 MB
            await fetcher.prepare()
        workers.register(metrics, resources.encoder.cache)
        yield Components(
            settings=settings,
            metrics=metrics,
            catalog=catalog,
            selections=plan.chosen,
            absent=plan.absent,
            store=store,
            runtime=runtime,
            engine=engine,
            decoders=decoders,
            encoder=resources.encoder,
            clip=resources.clip,
            zero_shot=resources.zero_shot,
            policy=policy,
            heads=heads,
            texts=_open_text_moderation(pipelines["moderation"]),
            categories=CustomCategories(engine, resources.encoder.used, await heads.current(), pool),
            pool=pool,
            fetcher=fetcher,
            captioner=captioner,
        )


@dataclass(frozen=True)
class _Workers:
    """The parts that compute: sessions, threads and confined processes, with the memory for pixels."""

    runtime: "Runtime"
    pool: CpuPool
    decoders: Decoders
    pdfium: PdfiumPool
    budget: PixelBudget

    def open_engine(
        self,
        pipelines: Iterable[Pipeline[Any, Any]],
        settings: Settings,
        current_version: Callable[[ModelUsed], ModelUsed],
        absent: Mapping[str, str],
    ) -> Engine:
        from service.pipeline_factory import open_frame_reader

        return Engine(
            pipelines,
            pool=self.pool,
            limits=image_limits(settings),
            decoders=self.decoders,
            pdfium=self.pdfium,
            bulk=_bulk_limit(self.runtime),
            budget=self.budget,
            current_version=current_version,
            absent=absent,
            precision=settings.statements.statement_precision,
            moderated_pages=settings.limits.max_moderated_frames,
            frames=open_frame_reader(settings, self.decoders, image_limits(settings)),
        )

    def register(self, metrics: Metrics, cache: "EncoderCache | None") -> None:
        deaths = {"image": self.decoders.deaths, "pdf": self.pdfium.deaths}
        metrics.register_collectors(self.runtime, self.pool, self.budget, deaths, cache)


@asynccontextmanager
async def _open_workers(settings: Settings, store: Store, metrics: Metrics) -> AsyncIterator[_Workers]:
    from service.pipeline_factory import open_runtime

    limits = settings.limits
    runtime = open_runtime(settings, store, metrics)
    pool = CpuPool(limit=settings.runtime.queue_limit)
    decoders = Decoders(pool, decoder_limits(settings))
    pdfium = PdfiumPool(pdf_limits(settings), processes=settings.runtime.pdf_processes)
    budget = PixelBudget(limits.pixel_memory_bytes, wait_seconds=limits.pixel_wait_seconds)
    try:
        yield _Workers(runtime, pool, decoders, pdfium, budget)
    finally:
        await runtime.close(grace_seconds=limits.drain_seconds)
        pool.close()
        decoders.close()
        pdfium.close()


def _open_text_moderation(moderation: Pipeline[Any, Any]) -> "TextModeration":
    """Also where images are not moderated: texts are."""
    from pipelines.moderation.pipeline import ModerationPipeline
    from pipelines.moderation.text_pipeline import TextModeration

    assert isinstance(moderation, ModerationPipeline)
    return TextModeration(moderation)


def served_pipelines(settings: Settings) -> tuple[str, ...]:
    """Every pipeline that requests may ask for."""
    return served_with(settings.server.pipelines)


def open_catalog(settings: Settings) -> Catalog:
    """The catalog, with promoted versions in place of the built-in ones."""
    store = open_store(settings)
    catalog = Catalog.load(*([settings.models.catalog] if settings.models.catalog else []))
    return catalog.with_manifests(lambda manifest: resolve_promoted(store, manifest))


def open_store(settings: Settings) -> Store:
    models = settings.models
    return Store(models.store.expanduser(), mirror=models.model_mirror, versions=models.versions.expanduser())


def open_heads(settings: Settings) -> HeadStore:
    return HeadStore(settings.models.categories.expanduser()).refresh()


def open_reloading_heads(settings: Settings, pool: CpuPool) -> Reloading[HeadStore]:
    heads = open_heads(settings)
    return Reloading("the folder of categories", heads.refresh, lambda: file_state(heads.paths), pool)


def open_policy(settings: Settings, pool: CpuPool) -> Reloading[Policy]:
    """Raises PolicyInvalid."""
    from pipelines.moderation.policy_file import BUILT_IN, load_policy  # it knows every signal

    path = settings.moderation.policy or BUILT_IN
    return Reloading(f"policy {str(path)!r}", lambda: load_policy(path), lambda: file_state([path]), pool)


def image_limits(settings: Settings) -> ImageLimits:
    limits = settings.limits
    return ImageLimits(
        limits.max_image_bytes, limits.max_image_pixels, limits.max_image_frames, limits.max_header_pixels
    )


def decoder_limits(settings: Settings) -> DecoderLimits:
    runtime = settings.runtime
    formats = ALL_FORMATS if runtime.decoder_formats == "all" else RISKY_FORMATS
    return DecoderLimits(runtime.decoder_processes, runtime.decoder_seconds, runtime.decoder_memory_bytes, formats)


def pdf_limits(settings: Settings) -> PdfLimits:
    return PdfLimits(settings.limits.max_document_bytes, settings.limits.max_page_pixels)


async def _load_models(runtime: "Runtime", selections: Iterable[ModelSelection]) -> None:
    manifests = {one.id: one for selection in selections for one in selection.manifests}
    for manifest in manifests.values():
        await runtime.open(manifest)


def _bulk_limit(runtime: "Runtime") -> int:
    """Images of batch priority in flight: enough that no core waits for the next one, or that batches fill on a GPU."""
    return _GPU_BULK if runtime.device == "cuda" else 2 * (os.cpu_count() or 1)
