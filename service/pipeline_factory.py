"""Builds each pipeline and its parts from the models that were chosen for its task."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.labels import label_set
from models.manifest import CatalogInvalid, Manifest
from models.runtime.model_info import Served
from models.runtime.runtime import Runtime
from models.runtime.session import metadata
from models.store.promotions import version_of
from models.store.store import GRAPH, Store
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.cpu_pool import CpuPool
from pipelines.documents.layout import PicoLayout
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.recogniser import alphabet
from pipelines.documents.pdf.client import Pdfium
from pipelines.documents.pipeline import DocumentLimits, DocumentsPipeline
from pipelines.documents.structure.assemble import arranged
from pipelines.explain.explainer import Explainer, Explainers
from pipelines.faces.detector import Detector
from pipelines.faces.finder import FaceFinder
from pipelines.faces.mtcnn import Mtcnn
from pipelines.faces.verification import SecondLook
from pipelines.faces.yunet import YuNet
from pipelines.image.decode import Limits
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.domains import Domains, load_domains
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.barcodes import Codes
from pipelines.moderation.signals.custom import Custom
from pipelines.moderation.signals.file_hygiene import Hygiene
from pipelines.moderation.signals.image_text import TextInImage
from pipelines.moderation.signals.nsfw import Nsfw
from pipelines.moderation.signals.objects import Objects
from pipelines.types import ModelUsed
from service.hash_list_store import open_known
from service.hot_reload import Reloading, file_state
from service.model_selection import DOCUMENT_TASKS, Choice
from service.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Builds each pipeline from the models that were chosen for its task."""

    settings: Settings
    store: Store
    runtime: Runtime
    pool: CpuPool

    def encoder(self, choice: Choice) -> Encoder:
        [encoder] = choice.models
        labels = label_set(encoder.labels or "")
        cache = EncoderCache(self.settings.encoder_cache) if self.settings.encoder_cache else None
        return Encoder(encoder, used_of(self.store, encoder), labels, self.runtime.infer, self.pool, cache, self.live)

    def live(self, declared: ModelUsed) -> ModelUsed:
        """The version of a model that answers now; of a model that is not loaded here, what the store has."""
        if declared.id not in self.runtime.models:
            return declared
        return ModelUsed.of(self.runtime.loaded(declared.id).served)

    async def moderation(
        self,
        choice: Choice,
        encoder: Encoder,
        policy: Reloading[Policy],
        heads: Reloading[HeadStore],
        reader: OcrReader | None,
    ) -> ModerationPipeline:
        """Without a reader, text in pictures cannot be asked for.

        Raises HashListInvalid, HashListUnavailable, DomainsInvalid or SettingsInvalid."""
        [opennsfw] = choice.models
        used, explainers = used_of(self.store, opennsfw), await self.explainers(opennsfw)
        signals = (
            Nsfw(opennsfw, used, self.runtime.infer_many, self.pool, explainers, self.settings.nsfw_chain),
            Objects(encoder),
            await self.pool.run(open_known, self.settings, self.pool),  # a list of a million hashes takes seconds
            Codes(self._domains().current, self.pool),
            Hygiene(self.pool),
            Custom(encoder, heads.current),
        )
        on_request = () if reader is None else (TextInImage(reader, reader.models, policy.current, self.pool),)
        return ModerationPipeline(signals, policy.current, self.pool, on_request=on_request)

    def _domains(self) -> Reloading[Domains]:
        denied, allowed = self.settings.deny_domains, self.settings.allow_domains
        paths = [path for path in (denied, allowed) if path is not None]
        return Reloading(
            "the lists of domains", lambda: load_domains(denied, allowed), lambda: file_state(paths), self.pool
        )

    async def explainers(self, manifest: Manifest) -> Explainers:
        """Those of the version that answers now are loaded, so that no request waits for them."""

        async def load(served: Served | None) -> Explainer:
            version = version_of(self.store, manifest, manifest.version if served is None else served.version)
            return await self.pool.run(Explainer.load, version, self.store.graph(version), self.pool)

        explainers = Explainers(load)
        if manifest.id in self.runtime.models:
            await explainers.of(self.runtime.loaded(manifest.id).served)
        return explainers

    async def reader(self, choices: Mapping[str, Choice]) -> OcrReader:
        detector, recogniser, orientation = (choices[task].models[0] for task in DOCUMENT_TASKS[1:])
        return OcrReader.of(
            detector,
            orientation,
            recogniser,
            alphabet=alphabet(await self.pool.run(metadata, self.store.graph(recogniser))),
            used=tuple(used_of(self.store, manifest) for manifest in (detector, recogniser, orientation)),
            infer=self.runtime.infer,
            infer_many=self.runtime.infer_many,
            pool=self.pool,
        )

    def documents(self, layout: Choice, reader: OcrReader, pdfium: Pdfium, limits: Limits) -> DocumentsPipeline:
        """`limits` are those of images."""
        [regions] = layout.models
        used = used_of(self.store, regions)
        most = DocumentLimits(limits, self.settings.max_document_pages, page_seconds=self.settings.page_seconds)
        finder = PicoLayout(regions, used, self.runtime.infer, self.pool)
        return DocumentsPipeline(reader, finder, arranged, pdfium, self.pool, most, (used, *reader.models))

    def face_finder(self, choice: Choice) -> FaceFinder:
        onet = choice.models[-1]  # both detectors' candidates are checked by it
        second = SecondLook(onet, used_of(self.store, onet), self.runtime.infer_many, self.pool)
        return FaceFinder(self._detector(choice), second, self.pool)

    def _detector(self, choice: Choice) -> Detector:
        infer, infer_many = self.runtime.infer, self.runtime.infer_many
        used = tuple(used_of(self.store, manifest) for manifest in choice.models)
        if choice.name == "yunet":
            return YuNet(choice.models[0], used[0], infer, self.pool)
        if choice.name == "mtcnn":
            pnet, rnet, onet = choice.models
            return Mtcnn(pnet, rnet, onet, used, infer, infer_many, self.pool)
        raise CatalogInvalid(f"tasks.toml: faces can be done by yunet or mtcnn, not by {choice.name!r}")


def used_of(store: Store, manifest: Manifest) -> ModelUsed:
    record = store.record(manifest)
    assert record is not None  # the graph was found a moment ago
    return ModelUsed(id=manifest.id, version=manifest.version, sha256=record.files[GRAPH].sha256)
