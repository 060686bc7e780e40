"""Pipeline "features": embedding, grid and tags from one encoder pass; colours and sharpness from the pixels."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from models.concurrency import gather_or_cancel
from pipelines.captioning.appearance import measure_appearance
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.statements import describe_appearance, describe_things
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import Appearance, EncodedArray, Features, GroupScore, ModelUsed

MOST_GROUPS, SMALLEST_GROUP = 3, 0.05


@dataclass(frozen=True)
class CaptioningPipeline:
    encoder: ImageEncoder
    pool: CpuPool
    name: str = "features"

    def models(self, options: FeaturesOptions) -> list[ModelUsed]:
        return [self.encoder.used]

    def shorter_side(self, options: FeaturesOptions) -> int:
        return self.encoder.shorter_side

    async def run(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Features:
        outputs, appearance = await gather_or_cancel(
            self.encoder.encode(picture, context), self.pool.run(measure_appearance, picture.pixels)
        )
        with context.stage("postprocess"):
            if options.grid or options.top_k > 50:
                return await self.pool.run(self._build_features, outputs, appearance, options)
            return self._build_features(outputs, appearance, options)  # 0.1 ms: less than a thread costs

    def _build_features(
        self, outputs: Mapping[str, Array], appearance: Appearance, options: FeaturesOptions
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
        )

    def _sum_groups(self, scores: NDArray[np.float32]) -> list[GroupScore]:
        sums = np.bincount(self.encoder.labels.group_of, weights=scores)
        best = [int(group) for group in np.argsort(-sums)[:MOST_GROUPS] if sums[group] >= SMALLEST_GROUP]
        return [
            GroupScore(group=self.encoder.labels.groups[group], score=round(min(float(sums[group]), 1.0), 6))
            for group in best
        ]

    def describe(self, result: Features, context: PromptContext) -> str:
        lines = [describe_things(result, context)]
        if context.style == "full":
            lines.append(describe_appearance(result.appearance))
        return "\n".join(filter(None, lines))


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
