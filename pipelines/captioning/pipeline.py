"""Pipeline "features": embedding, grid and tags from one encoder pass; colours and sharpness from the pixels."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.inference import Inference
from pipelines.captioning.appearance import measure_appearance
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.kinds.head import KindHead
from pipelines.captioning.kinds.measures import measure_pixels
from pipelines.captioning.options import FeaturesOptions
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.run_context import RunContext
from pipelines.types import Appearance, EncodedArray, Features, GroupScore, ModelUsed, PictureKind

# Scores from which the prompt's wording gets stronger. They are not calibrated, so "probably" is the strongest.
PROBABLE, POSSIBLE, MENTIONED = 0.7, 0.3, 0.1

MOST_GROUPS, SMALLEST_GROUP = 3, 0.05


@dataclass(frozen=True)
class CaptioningPipeline:
    """`kinds` is none where no head knows the encoder's embeddings: results then have no kind."""

    encoder: ImageEncoder
    pool: CpuPool
    kinds: KindHead | None = None
    name: str = "features"

    def models(self, options: FeaturesOptions) -> list[ModelUsed]:
        return [self.encoder.used]

    def shorter_side(self, options: FeaturesOptions) -> int:
        return self.encoder.shorter_side

    async def run(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Features:
        inference, (appearance, measures) = await gather_or_cancel(
            self.encoder.infer_picture(picture, context), self.pool.run(self._measure, picture.pixels)
        )
        with context.stage("postprocess"):
            kind = self._tell_kind(inference, measures)
            outputs = inference.outputs
            if options.grid or options.top_k > 50:
                return await self.pool.run(self._build_features, outputs, appearance, kind, options)
            return self._build_features(outputs, appearance, kind, options)  # 0.2 ms: less than a thread costs

    def _measure(self, pixels: Image.Image) -> tuple[Appearance, NDArray[np.float32] | None]:
        return measure_appearance(pixels), None if self.kinds is None else measure_pixels(pixels)

    def _tell_kind(self, inference: Inference, measures: NDArray[np.float32] | None) -> PictureKind | None:
        """None, too, where a promoted version of the encoder answered: the head was not trained on its embeddings."""
        is_known = inference.model_info is None or inference.model_info.sha256 == self.encoder.used.sha256
        if self.kinds is None or measures is None or not is_known:
            return None
        return self.kinds.classify(inference.outputs["embedding"], measures)

    def _build_features(
        self,
        outputs: Mapping[str, Array],
        appearance: Appearance,
        kind: PictureKind | None,
        options: FeaturesOptions,
    ) -> Features:
        decision = self.encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        best = np.argsort(scores)[::-1][: options.top_k]
        return Features(
            embedding=_encode_embedding(outputs["embedding"], options.embedding),
            grid=_encode_array(outputs["grid"].astype("<f2"), "float16") if options.grid else None,
            tags=[
                self.encoder.tag(int(index), float(scores[index]))
                for index in best
                if scores[index] >= options.min_score
            ],
            groups=self._sum_groups(scores),
            calibration=decision.calibration if decision else "softmax, not calibrated",
            appearance=appearance,
            kind=kind,
        )

    def _sum_groups(self, scores: NDArray[np.float32]) -> list[GroupScore]:
        sums = np.bincount(self.encoder.labels.group_of, weights=scores)
        best = [int(group) for group in np.argsort(-sums)[:MOST_GROUPS] if sums[group] >= SMALLEST_GROUP]
        return [
            GroupScore(group=self.encoder.labels.groups[group], score=round(min(float(sums[group]), 1.0), 6))
            for group in best
        ]

    def describe(self, result: Features) -> str:
        appearance = result.appearance
        colours = ", ".join(f"{colour.name} {colour.share:.0%}" for colour in appearance.colours)
        focus = "" if appearance.exposure == "flat" else "Looks blurred, " if appearance.is_blurred else "Looks sharp, "
        lines = [f"{focus}{_EXPOSURE[appearance.exposure]}. Colours: {colours}."]
        return "\n".join([*lines, *self._describe_tags(result)])

    def _describe_tags(self, result: Features) -> list[str]:
        """Names with their scores, in wording that never claims more than the scores do."""
        groups = [f"{one.group} ({one.score:.2f})" for one in result.groups if one.score >= POSSIBLE]
        lines = [f"Kind of content, by classifier: {', '.join(groups)}."] if groups else []
        shown = [tag for tag in result.tags if tag.score >= MENTIONED]
        if not shown:  # no tags at all may just mean that the caller asked for none
            return [*lines, "The classifier recognises no particular thing in it."] if result.tags else lines
        names = ", ".join(f"{tag.label} ({tag.score:.2f})" for tag in shown)
        strength = (
            "Probably shows" if shown[0].score >= PROBABLE
            else "Possibly shows" if shown[0].score >= POSSIBLE
            else "Nothing recognised with confidence; weak guesses"
        )  # fmt: skip
        return [*lines, f"{strength}: {names}."]


_EXPOSURE = {
    "normal": "normally exposed",
    "dark": "dark",
    "bright": "very bright",
    "flat": "Almost without contrast",
}


def softmax(logits: NDArray[np.float32], *, temperature: float = 1.0) -> NDArray[np.float32]:
    """Along the last axis, without overflow."""
    powers: NDArray[np.float32] = np.exp((logits - logits.max(-1, keepdims=True)) / np.float32(temperature))
    total: NDArray[np.float32] = powers.sum(-1, keepdims=True)
    return powers / total


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
