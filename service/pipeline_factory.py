"""Opens what pipelines are built from: the selected models, the encoder, the reader, and moderation's signals."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.labels import load_label_set
from models.manifest import Manifest, TextManifest
from models.runtime.backends.onnxruntime import read_metadata
from models.runtime.model_info import ModelInfo
from models.runtime.runtime import Runtime
from models.store.promotions import find_version
from models.store.store import Store
from models.variants.choice import VariantWish
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.clip.encoder import ClipEncoder
from pipelines.clip.zero_shot import ZeroShotClassifier
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.recogniser import read_alphabet
from pipelines.documents.ocr.second_reader import SecondReader
from pipelines.documents.ocr.tesseract import Tesseract
from pipelines.documents.pages import PdfOpener
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.spec import DOCUMENT, READING_TASKS
from pipelines.explain.explainer import Explainer, ExplainerCache
from pipelines.image.decode import ImageLimits
from pipelines.image.decoders import Decoders
from pipelines.image.frame_reader import FrameReader
from pipelines.image.frame_views import SurveyPlan
from pipelines.instructions.scoring import load_instruction_rules
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.domains import DomainLists, load_domain_lists
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.barcodes import BarcodeSignal
from pipelines.moderation.signals.custom import CustomCategorySignal
from pipelines.moderation.signals.detected_things import DetectedThings
from pipelines.moderation.signals.file_hygiene import FileHygieneSignal
from pipelines.moderation.signals.image_text import ImageTextSignal
from pipelines.moderation.signals.instructions import InstructionsSignal
from pipelines.moderation.signals.nsfw import NsfwSignal
from pipelines.moderation.signals.nsfw_classes import NsfwClassesSignal
from pipelines.moderation.signals.objects import ObjectsSignal, read_detected
from pipelines.moderation.signals.signal import Signal
from pipelines.objects.calibration import CALIBRATION
from pipelines.objects.detector import ObjectDetector
from pipelines.resources import ModerationParts, PipelineResources
from pipelines.text.reading import TextBudget, TextBudgets
from pipelines.types import ModelUsed
from service.hash_list_store import open_known_image_signal
from service.hot_reload import Reloading, file_state
from service.model_selection import CLIP_TASK, ModelSelection
from service.settings import Settings
from service.telemetry.metrics import Metrics


def open_runtime(settings: Settings, store: Store, metrics: Metrics) -> Runtime:
    return Runtime(
        store,
        device=settings.runtime.device,
        queue_limit=settings.runtime.queue_limit,
        hang_seconds=settings.runtime.hang_seconds,
        probe_after_seconds=settings.runtime.probe_after_seconds,
        wish=VariantWish(settings.runtime.backend, settings.runtime.precision),
        giving_way=DOCUMENT.tasks,  # a page keeps a core busy ten times as long as an image
        observer=metrics.batches.observe,
    )


def open_frame_reader(settings: Settings, decoders: Decoders, limits: ImageLimits) -> FrameReader:
    """Frames are hashed only where there is a list to look them up in."""
    of, is_hashed = settings.limits, settings.moderation.block_hashes is not None
    plan = SurveyPlan(of.max_surveyed_pixels, of.survey_seconds, is_hashed)
    return FrameReader(decoders, limits, of.max_moderated_frames, plan)


@dataclass(frozen=True)
class PipelineFactory:
    """Opens the resources of pipelines from the models that were selected for each task."""

    settings: Settings
    store: Store
    runtime: Runtime
    selections: Mapping[str, ModelSelection]
    pool: CpuPool
    decoders: Decoders
    pdfium: PdfOpener

    async def open_resources(
        self, policy: Reloading[Policy], heads: Reloading[HeadStore], *, reads_text: bool
    ) -> PipelineResources:
        """Where no text is read, moderation cannot read text in images either.

        Raises HashListInvalid, HashListUnavailable, DomainsInvalid or SettingsInvalid.
        """
        encoder, reader = self._open_encoder(), await self._open_reader()
        clip = await self._open_clip()
        return PipelineResources(
            models=self.selections,
            infer=self.runtime.infer,
            infer_many=self.runtime.infer_many,
            pool=self.pool,
            used=self._used,
            load_explainers=self._load_explainers,
            encoder=encoder,
            reader=reader,
            decoders=self.decoders,
            pdfium=self.pdfium,
            document_limits=self._document_limits(),
            moderation=await self._open_moderation(encoder, policy, heads, reader if reads_text else None),
            clip=clip,
            zero_shot=await self._open_zero_shot(clip),
            text_budgets=self._text_budgets(),
            precision=self.settings.statements.statement_precision,
        )

    def _text_budgets(self) -> TextBudgets:
        limits = self.settings.limits
        return TextBudgets(
            TextBudget(limits.text_lines, limits.text_seconds),
            TextBudget(limits.text_page_lines, limits.text_page_seconds),
        )

    def current_version(self, declared: ModelUsed) -> ModelUsed:
        """The version of a model that answers now; of a model that is not loaded, the one in the store."""
        if declared.id not in self.runtime.models:
            return declared
        return ModelUsed.of(self.runtime.loaded(declared.id).model_info)

    def _used(self, manifest: Manifest) -> ModelUsed:
        return ModelUsed(id=manifest.id, version=manifest.version, sha256=self.store.graph_sha256(manifest))

    def _open_encoder(self) -> ImageEncoder:
        [manifest] = self.selections["encoder"].manifests
        cache = EncoderCache(self.settings.runtime.encoder_cache) if self.settings.runtime.encoder_cache else None
        return ImageEncoder(
            manifest,
            self._used(manifest),
            load_label_set(manifest.labels or ""),
            self.runtime.infer,
            self.pool,
            cache,
            self.current_version,
        )

    async def _open_clip(self) -> ClipEncoder | None:
        if CLIP_TASK not in self.selections:
            return None
        from pipelines.clip.tokeniser import ClipTokeniser  # loads ftfy, which few services need

        images, texts = self.selections[CLIP_TASK].manifests
        assert isinstance(texts, TextManifest)
        tokeniser = await self.pool.run(ClipTokeniser.load, self.store.folder(texts) / texts.vocabulary.name)
        used = self._used(images), self._used(texts)
        return ClipEncoder(images, texts, *used, tokeniser, self.runtime.infer, self.runtime.infer_many, self.pool)

    async def _open_zero_shot(self, clip: ClipEncoder | None) -> ZeroShotClassifier | None:
        path = self.settings.models.clip_labels
        return await ZeroShotClassifier.load(path, clip) if clip is not None and path is not None else None

    async def _open_reader(self) -> OcrReader:
        detector, recogniser, orientation = (self.selections[task].manifests[0] for task in READING_TASKS)
        return OcrReader.of(
            detector,
            orientation,
            recogniser,
            alphabet=read_alphabet(await self.pool.run(read_metadata, self.store.graph(recogniser))),
            used=tuple(map(self._used, (detector, recogniser, orientation))),
            infer=self.runtime.infer,
            infer_many=self.runtime.infer_many,
            pool=self.pool,
            second=await self._open_second_reader(),
        )

    async def _open_second_reader(self) -> SecondReader | None:
        tesseract = await self.pool.run(Tesseract.find) if self.settings.models.ocr_engine == "auto" else None
        return None if tesseract is None else SecondReader(tesseract, self.pool)

    async def _open_moderation(
        self,
        encoder: ImageEncoder,
        policy: Reloading[Policy],
        heads: Reloading[HeadStore],
        reader: OcrReader | None,
    ) -> ModerationParts:
        [opennsfw] = self.selections["moderation"].manifests
        explainers, chain = await self._load_explainers(opennsfw), self.settings.moderation.nsfw_chain
        # Off the event loop, because a list of a million hashes takes seconds.
        known = await self.pool.run(open_known_image_signal, self.settings, self.pool)
        rules = await self.pool.run(load_instruction_rules)
        signals: tuple[Signal, ...] = (
            NsfwSignal(opennsfw, self._used(opennsfw), self.runtime.infer_many, self.pool, explainers, chain),
            *self._open_nsfw_classes(),
            ObjectsSignal(encoder, self._open_things(policy)),
            known,
            BarcodeSignal(self._open_domain_lists().current, self.pool),
            FileHygieneSignal(self.pool),
            CustomCategorySignal(encoder, heads.current),
            InstructionsSignal(rules, self.pool),
        )
        on_request = () if reader is None else (
            ImageTextSignal(reader, reader.models, policy.current, self.pool),
            InstructionsSignal(rules, self.pool, reader),
        )  # fmt: skip
        frames = open_frame_reader(self.settings, self.decoders, self._document_limits().image)
        return ModerationParts(policy.current, signals, on_request, frames)

    def _open_nsfw_classes(self) -> list[NsfwClassesSignal]:
        """None where the model is not in the store."""
        manifests = self.selections["moderation-classes"].manifests
        return [NsfwClassesSignal(one, self._used(one), self.runtime.infer, self.pool) for one in manifests]

    def _open_things(self, policy: Reloading[Policy]) -> DetectedThings | None:
        """None where the detectors are not in the store."""
        selected = self.selections["objects"]
        if selected.is_absent:
            return None
        detector = ObjectDetector.of(selected, self._used, self.runtime.infer, self.pool)
        labels = load_label_set(selected.manifests[0].labels or "")
        return DetectedThings(read_detected(), detector, labels, CALIBRATION, policy.current)

    def _open_domain_lists(self) -> Reloading[DomainLists]:
        denied, allowed = self.settings.moderation.deny_domains, self.settings.moderation.allow_domains
        paths = [path for path in (denied, allowed) if path is not None]
        return Reloading(
            "the lists of domains", lambda: load_domain_lists(denied, allowed), lambda: file_state(paths), self.pool
        )

    async def _load_explainers(self, manifest: Manifest) -> ExplainerCache:
        """The explainer of the version that answers now is loaded at once, so that no request waits for it."""

        async def load(model_info: ModelInfo | None) -> Explainer:
            version = find_version(self.store, manifest, manifest.version if model_info is None else model_info.version)
            return await self.pool.run(Explainer.load, version, self.store.graph(version), self.pool)

        explainers = ExplainerCache(load)
        if manifest.id in self.runtime.models:
            await explainers.get(self.runtime.loaded(manifest.id).model_info)
        return explainers

    def _document_limits(self) -> DocumentLimits:
        limits = self.settings.limits
        images = ImageLimits(
            limits.max_image_bytes, limits.max_image_pixels, limits.max_image_frames, limits.max_header_pixels
        )
        return DocumentLimits(images, limits.max_document_pages, page_seconds=limits.page_seconds)
