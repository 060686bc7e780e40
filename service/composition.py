"""The composition root: the one place that builds store, runtime and engine from settings.

The app, the command line, and later workers and batch jobs all come through here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from models.labels import label_set
from models.manifest import Catalog, CatalogInvalid, Manifest
from models.runtime import Runtime
from models.store import GRAPH, Store
from pipelines.captioning import Captioning, FeaturesOptions
from pipelines.decode import Limits
from pipelines.encoder import Encoder
from pipelines.engine import Engine
from pipelines.faces.check import SecondLook
from pipelines.faces.detector import Detector
from pipelines.faces.finder import FaceFinder
from pipelines.faces.mtcnn import Mtcnn
from pipelines.faces.options import FacesOptions
from pipelines.faces.pipeline import AvatarPipeline, FacesPipeline
from pipelines.faces.yunet import YuNet
from pipelines.moderation.categories import Categories
from pipelines.moderation.custom import Custom
from pipelines.moderation.head_store import HeadStore
from pipelines.moderation.nsfw import Nsfw
from pipelines.moderation.objects import Objects
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import BUILT_IN, Policy, load_policy
from pipelines.pipeline import CpuPool
from pipelines.types import ModelUsed
from service.choices import Choice, choose_all
from service.metrics import Metrics
from service.settings import Settings
from service.watched import Watched, file_state


@dataclass(frozen=True)
class House:
    """Everything that answering takes, opened and warm."""

    settings: Settings
    catalog: Catalog
    choices: dict[str, Choice]
    store: Store
    runtime: Runtime
    engine: Engine
    policy: Watched[Policy]
    categories: Categories
    pool: CpuPool


def open_catalog(settings: Settings) -> Catalog:
    return Catalog.load(*([settings.catalog] if settings.catalog else []))


def open_store(settings: Settings) -> Store:
    return Store(settings.store.expanduser(), mirror=settings.model_mirror)


def open_heads(settings: Settings) -> HeadStore:
    heads = HeadStore(settings.categories.expanduser())
    heads.refresh()
    return heads


@asynccontextmanager
async def open_house(settings: Settings, metrics: Metrics) -> AsyncIterator[House]:
    """Load and warm every configured model, and close all of it on the way out.

    Raises ModelUnknown, ModelMissing, ModelCorrupt, DeviceUnavailable, SettingsInvalid, CatalogInvalid or
    PolicyInvalid.
    """
    catalog, store = open_catalog(settings), open_store(settings)
    choices = choose_all(settings, catalog, store)
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
        for manifest in {one.id: one for choice in choices.values() for one in choice.models}.values():
            await runtime.open(manifest)
        parts = Parts(store, runtime, pool)
        finder = parts.face_finder(choices["faces"])
        encoder = parts.encoder(choices["encoder"])
        policy, heads = watched_policy(settings, pool), open_heads(settings)
        moderation = parts.moderation(choices["moderation"], encoder, settings, policy, heads)
        pipelines = (moderation, Captioning(encoder, pool), FacesPipeline(finder), AvatarPipeline(finder, pool))
        engine = Engine(pipelines, pool=pool, limits=image_limits(settings))
        categories = Categories(engine, encoder.used, heads, pool)
        await engine.warm({"moderation": ModerationOptions(), "features": FeaturesOptions(), "faces": FacesOptions()})
        metrics.watch(runtime, lambda: [_info(used, runtime) for used in engine.models])
        yield House(settings, catalog, choices, store, runtime, engine, policy, categories, pool)
    finally:
        await runtime.close(grace_seconds=settings.drain_seconds)
        pool.close()


def watched_policy(settings: Settings, pool: CpuPool) -> Watched[Policy]:
    """Raises PolicyInvalid."""
    path = settings.policy or BUILT_IN
    return Watched(f"policy {str(path)!r}", lambda: load_policy(path), lambda: file_state([path]), pool)


def image_limits(settings: Settings) -> Limits:
    return Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_image_frames)


@dataclass(frozen=True)
class Parts:
    """Builds each pipeline from the models that were chosen for its task."""

    store: Store
    runtime: Runtime
    pool: CpuPool

    def encoder(self, choice: Choice) -> Encoder:
        [encoder] = choice.models
        labels = label_set(encoder.labels or "")
        return Encoder(encoder, _used(self.store, encoder), labels, self.runtime.infer, self.pool)

    def moderation(
        self, choice: Choice, encoder: Encoder, settings: Settings, policy: Watched[Policy], heads: HeadStore
    ) -> ModerationPipeline:
        [opennsfw] = choice.models
        used = _used(self.store, opennsfw)
        nsfw = Nsfw(opennsfw, used, self.runtime.infer_many, self.pool, settings.nsfw_chain)
        return ModerationPipeline(
            (nsfw, Objects(encoder), Custom(encoder, heads, self.pool)), policy.current, self.pool
        )

    def face_finder(self, choice: Choice) -> FaceFinder:
        onet = choice.models[-1]  # both detectors' candidates are checked by it
        second = SecondLook(onet, _used(self.store, onet), self.runtime.infer_many, self.pool)
        return FaceFinder(self._detector(choice), second, self.pool)

    def _detector(self, choice: Choice) -> Detector:
        infer, infer_many = self.runtime.infer, self.runtime.infer_many
        used = tuple(_used(self.store, manifest) for manifest in choice.models)
        if choice.name == "yunet":
            return YuNet(choice.models[0], used[0], infer, self.pool)
        if choice.name == "mtcnn":
            pnet, rnet, onet = choice.models
            return Mtcnn(pnet, rnet, onet, used, infer, infer_many, self.pool)
        raise CatalogInvalid(f"tasks.toml: faces can be done by yunet or mtcnn, not by {choice.name!r}")


def _used(store: Store, manifest: Manifest) -> ModelUsed:
    record = store.record(manifest)
    assert record is not None  # the graph was found a moment ago
    return ModelUsed(id=manifest.id, version=manifest.version, sha256=record.files[GRAPH].sha256)


def _info(used: ModelUsed, runtime: Runtime) -> dict[str, str]:
    return {"id": used.id, "version": str(used.version), "sha256": used.sha256, "device": runtime.device}
