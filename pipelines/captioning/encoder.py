"""The image encoder: one pass per request, whoever asks, for captioning, moderation and custom categories.

A later request with the same image finds the pass in the cache, where there is one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.inference import Inference
from models.labels import LabelSet
from models.manifest import Manifest
from models.runtime.session import Array
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.preprocess import central_crop, shorter_side_wanted
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed, Tag, as_declared

ENCODED = "encoder"  # under which a call keeps the pass that its pipelines share


@dataclass(frozen=True)
class Encoder:
    """`labels` are in the order of the logits; `live` gives the version that would answer now."""

    manifest: Manifest
    used: ModelUsed
    labels: LabelSet
    infer: Infer
    pool: CpuPool
    cache: EncoderCache | None = None
    live: Callable[[ModelUsed], ModelUsed] = as_declared

    @property
    def shorter_side(self) -> int:
        """Pixels that a picture's shorter side needs for its crop to lose nothing that matters."""
        return shorter_side_wanted(self.manifest.input)

    def tag(self, index: int, score: float) -> Tag:
        label = self.labels.labels[index]
        return Tag(index=index, wnid=label.wnid, label=label.name, score=round(score, 6), group=label.group)

    async def encode(self, picture: Picture, context: RunContext) -> Mapping[str, Array]:
        """`embedding` (C,), not L2-normalised, `grid` (H, W, C) and `logits` (K,), float32.

        Callers with the same call share one pass; the times of it are the first caller's. Of a pass that another
        request began there are no times.
        """
        return (await self.infer_on(picture, context)).outputs

    async def infer_on(self, picture: Picture, context: RunContext) -> Inference:
        """The same, for those who have to know which version of the model answered."""
        return await context.once(ENCODED, lambda: self._encode(picture, context))

    async def _encode(self, picture: Picture, context: RunContext) -> Inference:
        if self.cache is None or context.fresh:
            return await self._passed(picture, context, context.deadline)
        # The pixels follow from the file and the scale at which it was decoded.
        width, height = picture.pixels.size
        key = self.live(self.used).sha256, picture.sha256, f"{width}x{height}"
        # Without a deadline, for it is not only this request's: when that one's is over, it stops waiting.
        answer = await self.cache.get(key, context.priority, lambda: self._passed(picture, context, None))
        context.credit(answer)
        return answer

    async def _passed(self, picture: Picture, context: RunContext, deadline: float | None) -> Inference:
        with context.stage("preprocess"):
            tensor = await self.pool.run(central_crop, picture.pixels, self.manifest.input)
        inputs = {self.manifest.input.name: tensor}
        answer = await self.infer(self.manifest.id, inputs, priority=context.priority, deadline=deadline)
        context.inferred(answer)
        return answer
