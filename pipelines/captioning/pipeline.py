"""Pipeline "features": embedding, grid and tags from one encoder pass; colours and sharpness from the pixels.

Where CLIP serves, the embedding may be CLIP's; with labels of the operator's, tags and groups are zero-shot ones.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.arrays import Array, softmax
from models.concurrency import gather_or_cancel
from models.inference import Inference
from pipelines.captioning.appearance import measure_appearance
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.kinds.head import KindHead
from pipelines.captioning.kinds.measures import measure_pixels
from pipelines.captioning.kinds.treatment import SHARED_FEATURES
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.statements import describe_appearance, describe_things
from pipelines.clip.encoder import ClipEncoder
from pipelines.clip.zero_shot import CALIBRATION, ZeroShotClassifier
from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.image.decode import Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import Appearance, EncodedArray, Features, GroupScore, ModelUsed, PictureKind, Tag

MOST_GROUPS, SMALLEST_GROUP = 3, 0.05


@dataclass(frozen=True)
class CaptioningPipeline:
    """`kinds` is none where no head knows the encoder's embeddings: results then have no kind."""

    encoder: ImageEncoder
    pool: CpuPool
    kinds: KindHead | None = None
    clip: ClipEncoder | None = None
    zero_shot: ZeroShotClassifier | None = None
    name: str = "features"

    def models(self, options: FeaturesOptions) -> list[ModelUsed]:
        encoder = [self.encoder.used] if self._needs_encoder(options) else []
        return [*encoder, self.clip.used_for_images] if self.clip and self._needs_clip(options) else encoder

    def shorter_side(self, options: FeaturesOptions) -> int:
        clip = self.clip.shorter_side if self.clip and self._needs_clip(options) else 0
        return max(clip, self.encoder.shorter_side if self._needs_encoder(options) else 0)

    def _classifier(self, options: FeaturesOptions) -> ZeroShotClassifier | None:
        return self.zero_shot if options.labels == "own" else None

    def _needs_encoder(self, options: FeaturesOptions) -> bool:
        has_classes = options.top_k > 0 and self._classifier(options) is None
        return options.space == "encoder" or options.grid or has_classes

    def _needs_clip(self, options: FeaturesOptions) -> bool:
        return options.space == "clip" or (options.top_k > 0 and self._classifier(options) is not None)

    async def run(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Features:
        """Raises RequestRejected where CLIP is asked for and does not serve."""
        if options.space == "clip" and self.clip is None:
            raise RequestRejected("space: no CLIP model serves here; KERNELSIGHT_CLIP names one")
        return await context.once(SHARED_FEATURES, lambda: self._find_features(picture, options, context))

    async def _find_features(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Features:
        """The array work is two calls of the pool, beside the models and after them: each costs a change of threads.

        The event loop does none of it. NumPy lets other threads run at every operation, and under load the loop waits
        as often for its turn.
        """
        inference, vector, (appearance, measures) = await gather_or_cancel(
            self._encode(picture, options, context),
            self._embed_by_clip(picture, options, context),
            self.pool.run(self._measure, picture.pixels, options),
        )
        with context.stage("postprocess"):
            return await self.pool.run(self._build_features, inference, vector, appearance, measures, options)

    async def _encode(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Inference | None:
        return await self.encoder.infer_picture(picture, context) if self._needs_encoder(options) else None

    async def _embed_by_clip(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Array | None:
        if self.clip is None or not self._needs_clip(options):
            return None
        return await self.clip.embed_picture(picture, context)

    def _measure(self, pixels: Image.Image, options: FeaturesOptions) -> tuple[Appearance, NDArray[np.float32] | None]:
        """The picture's appearance, and the measures that tell its kind, where that can be told."""
        tells_kind = self.kinds is not None and self._needs_encoder(options)
        return measure_appearance(pixels), measure_pixels(pixels) if tells_kind else None

    def _build_features(
        self,
        inference: Inference | None,
        vector: Array | None,
        appearance: Appearance,
        measures: NDArray[np.float32] | None,
        options: FeaturesOptions,
    ) -> Features:
        """`inference` is the encoder's, `vector` is CLIP's; of what was not run, there is nothing."""
        outputs = inference.outputs if inference is not None else {}
        tags, groups, calibration = self._classify(outputs, vector, options)
        embedding = vector if options.space == "clip" and vector is not None else outputs["embedding"]
        return Features(
            embedding=_encode_embedding(embedding, options.embedding),
            grid=_encode_array(outputs["grid"].astype("<f2"), "float16") if options.grid else None,
            tags=tags,
            groups=groups,
            calibration=calibration,
            appearance=appearance,
            kind=self._classify_kind(inference, measures),
        )

    def _classify_kind(self, inference: Inference | None, measures: NDArray[np.float32] | None) -> PictureKind | None:
        """None where a promoted version of the encoder answered: the head was not trained on its embeddings."""
        if self.kinds is None or inference is None or measures is None:
            return None
        is_known = inference.model_info is None or inference.model_info.sha256 == self.encoder.used.sha256
        return self.kinds.classify(inference.outputs["embedding"], measures) if is_known else None

    def _classify(
        self, outputs: Mapping[str, Array], vector: Array | None, options: FeaturesOptions
    ) -> tuple[list[Tag], list[GroupScore], str]:
        """Tags, groups, and what their scores are worth."""
        classifier = self._classifier(options)
        if classifier is not None:
            if vector is None or options.top_k == 0:
                return [], [], CALIBRATION
            scores = classifier.score(vector)
            tags = classifier.choose_tags(scores, top_k=options.top_k, min_score=options.min_score)
            return tags, classifier.sum_groups(scores, most=MOST_GROUPS, smallest=SMALLEST_GROUP), CALIBRATION
        decision = self.encoder.manifest.decision
        calibration = decision.calibration if decision else "softmax, not calibrated"
        if "logits" not in outputs:
            return [], [], calibration
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        best = np.argsort(scores)[::-1][: options.top_k]
        tags = [
            self.encoder.tag(int(index), float(scores[index])) for index in best if scores[index] >= options.min_score
        ]
        return tags, self._sum_groups(scores), calibration

    def _sum_groups(self, scores: NDArray[np.float32]) -> list[GroupScore]:
        sums = np.bincount(self.encoder.labels.group_of, weights=scores)
        best = [int(group) for group in np.argsort(-sums)[:MOST_GROUPS] if sums[group] >= SMALLEST_GROUP]
        return [
            GroupScore(group=self.encoder.labels.groups[group], score=round(min(float(sums[group]), 1.0), 6))
            for group in best
        ]

    def describe(self, result: Features, context: PromptContext) -> str:
        lines = [describe_things(result, context) if context.shows_things else ""]
        if context.style == "full":
            lines.append(describe_appearance(result.appearance))
        return "\n".join(filter(None, lines))


def _encode_embedding(
    embedding: NDArray[np.float32], encoding: Literal["float", "base64", "none"]
) -> list[float] | EncodedArray | None:
    if encoding == "none":
        return None
    unit = embedding / max(float(np.linalg.norm(embedding)), 1e-12)
    if encoding == "base64":
        return _encode_array(unit.astype("<f4"), "float32")
    # Rounding errors of 5e-8 do not show in a cosine, and the JSON is half as long.
    rounded: list[float] = unit.astype(np.float64).round(7).tolist()
    return rounded


def _encode_array(values: NDArray[np.generic], dtype: Literal["float16", "float32"]) -> EncodedArray:
    data = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
    return EncodedArray(data=data, shape=list(values.shape), dtype=dtype)
