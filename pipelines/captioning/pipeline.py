"""Captioning features: one encoder pass gives embedding, grid and tags; the pixels give the rest."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.concurrency import gather_or_cancel
from models.runtime.session import Array
from pipelines.captioning.appearance import appearance
from pipelines.captioning.encoder import Encoder
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.run_context import RunContext
from pipelines.types import Appearance, EncodedArray, Features, GroupScore, ModelUsed

# How the prompt speaks of a tag, by its score. The scores are not calibrated, so no wording is stronger.
PROBABLE, POSSIBLE, MENTIONED = 0.7, 0.3, 0.1

MOST_GROUPS, SMALLEST_GROUP = 3, 0.05


class FeaturesOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=5, ge=0, le=1000, description="tags at most")
    min_score: float = Field(default=0.02, ge=0, le=1, description="tags under this probability are left out")
    embedding: Literal["float", "base64", "none"] = Field(
        default="float", description="a list of numbers, base64 of little-endian float32, or nothing"
    )
    grid: bool = Field(default=False, description="add the spatial feature grid as base64 of float16")


@dataclass(frozen=True)
class Captioning:
    encoder: Encoder
    pool: CpuPool
    name: str = "features"

    def models(self, options: FeaturesOptions) -> list[ModelUsed]:
        return [self.encoder.used]

    def shorter_side(self, options: FeaturesOptions) -> int:
        return self.encoder.shorter_side

    async def run(self, picture: Picture, options: FeaturesOptions, context: RunContext) -> Features:
        outputs, look = await gather_or_cancel(
            self.encoder.encode(picture, context), self.pool.run(appearance, picture.pixels)
        )
        with context.stage("postprocess"):
            if options.grid or options.top_k > 50:
                return await self.pool.run(self._answer, outputs, look, options)
            return self._answer(outputs, look, options)  # 0.1 ms: less than a thread costs

    def _answer(self, outputs: Mapping[str, Array], look: Appearance, options: FeaturesOptions) -> Features:
        decision = self.encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        best = np.argsort(scores)[::-1][: options.top_k]
        return Features(
            embedding=_encode_embedding(outputs["embedding"], options.embedding),
            grid=_encode(outputs["grid"].astype("<f2"), "float16") if options.grid else None,
            tags=[self.encoder.tag(int(one), float(scores[one])) for one in best if scores[one] >= options.min_score],
            groups=self._groups(scores),
            calibration=decision.calibration if decision else "softmax, not calibrated",
            appearance=look,
        )

    def _groups(self, scores: NDArray[np.float32]) -> list[GroupScore]:
        sums = np.bincount(self.encoder.labels.group_of, weights=scores)
        best = [int(group) for group in np.argsort(-sums)[:MOST_GROUPS] if sums[group] >= SMALLEST_GROUP]
        return [
            GroupScore(group=self.encoder.labels.groups[group], score=round(min(float(sums[group]), 1.0), 6))
            for group in best
        ]

    def brief(self, result: Features) -> str:
        look = result.appearance
        colours = ", ".join(f"{colour.name} {colour.share:.0%}" for colour in look.colours)
        focus = "" if look.exposure == "flat" else "Looks blurred, " if look.is_blurred else "Looks sharp, "
        lines = [f"{focus}{_EXPOSURE[look.exposure]}. Colours: {colours}."]
        return "\n".join([*lines, *self._recognised(result)])

    def _recognised(self, result: Features) -> list[str]:
        """Names with their scores, in words that never claim more than the scores do."""
        kinds = [f"{one.group} ({one.score:.2f})" for one in result.groups if one.score >= POSSIBLE]
        lines = [f"Kind of content, by classifier: {', '.join(kinds)}."] if kinds else []
        shown = [tag for tag in result.tags if tag.score >= MENTIONED]
        if not shown:  # no tags at all may only mean that the caller wanted none
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
    embedding: NDArray[np.float32], how: Literal["float", "base64", "none"]
) -> list[float] | EncodedArray | None:
    if how == "none":
        return None
    unit = embedding / max(float(np.linalg.norm(embedding)), 1e-12)
    if how == "base64":
        return _encode(unit.astype("<f4"), "float32")
    # An error of 5e-8 that no cosine notices, and half the JSON.
    rounded: list[float] = unit.astype(np.float64).round(7).tolist()
    return rounded


def _encode(values: NDArray[np.generic], dtype: Literal["float16", "float32"]) -> EncodedArray:
    data = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
    return EncodedArray(data=data, shape=list(values.shape), dtype=dtype)
