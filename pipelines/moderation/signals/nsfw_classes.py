"""Signal "nsfw_classes": a second opinion on unsafe pictures, which tells drawings from photographs.

Source: infinitered/nsfwjs (G. Laborde), npm package nsfwjs 4.3.0, a MobileNetV2 under the MIT licence. Its softmax is
not calibrated. Another net, trained on other pictures than OpenNSFW, so both are rarely wrong about the same one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.arrays import softmax
from models.inference import Inference
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.preprocess import required_shorter_side, stretch
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext, model_used
from pipelines.types import ModelUsed

CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")  # in the order of the logits
EXPLICIT = ("hentai", "porn")  # drawn and photographed


@dataclass(frozen=True)
class NsfwClassesSignal:
    """Scores each class; they add up to 1. The score is that of the explicit ones together."""

    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool
    name: ClassVar[str] = "nsfw_classes"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return CLASSES

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    @property
    def shorter_side(self) -> int:
        return required_shorter_side(self.manifest.input)

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """The most probable class is the evidence."""
        inference = await self._infer(picture, context)
        chances = dict(zip(CLASSES, softmax(inference.outputs["logits"]).astype(np.float64).tolist(), strict=True))
        likely = max(chances, key=lambda one: chances[one])
        used = model_used(inference, self.used)
        result = SignalResult.of(
            chances,
            [Evidence(what=likely, score=round(chances[likely], 6))],
            detector=self.manifest.id,
            version=f"{used.version}-{used.sha256[:12]}",
        )
        return result.model_copy(update={"score": round(min(1.0, sum(chances[one] for one in EXPLICIT)), 6)})

    async def _infer(self, picture: Picture, context: RunContext) -> Inference:
        with context.stage("nsfw_classes.preprocess"):
            tensor = await self.pool.run(stretch, picture.pixels, self.manifest.input)
        inputs = {self.manifest.input.name: tensor}
        inference = await self.infer(self.manifest.id, inputs, priority=context.priority, deadline=context.deadline)
        context.record_inference(inference, wait="nsfw_classes.wait", session="nsfw_classes.session")
        return inference
