"""Runs the image encoder once per request, for captioning, moderation and custom categories together.

With a cache, a later request with the same image reuses the pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.arrays import Array
from models.inference import Inference
from models.labels import LabelSet
from models.manifest import Manifest
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.preprocess import crop_centre, required_shorter_side
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed, Tag, keep_declared

SHARED_PASS = "encoder"  # key in `RunContext.shared` of the pass that a request's pipelines share


@dataclass(frozen=True)
class ImageEncoder:
    """`labels` are in the order of the logits; `current_version` gives the model version that serves now."""

    manifest: Manifest
    used: ModelUsed
    labels: LabelSet
    infer: Infer
    pool: CpuPool
    cache: EncoderCache | None = None
    current_version: Callable[[ModelUsed], ModelUsed] = keep_declared

    @property
    def shorter_side(self) -> int:
        """Pixels that a picture's shorter side needs for its crop to lose nothing that matters."""
        return required_shorter_side(self.manifest.input)

    def tag(self, index: int, score: float) -> Tag:
        label = self.labels.labels[index]
        return Tag(index=index, wnid=label.wnid, label=label.name, score=round(score, 6), group=label.group)

    async def encode(self, picture: Picture, context: RunContext) -> Mapping[str, Array]:
        """`embedding` (C,), not L2-normalised, `grid` (H, W, C) and `logits` (K,), float32.

        Callers with the same context share one pass, whose timings are recorded once. A pass that another request
        began adds no timings.
        """
        return (await self.infer_picture(picture, context)).outputs

    async def infer_picture(self, picture: Picture, context: RunContext) -> Inference:
        """Like `encode`, and says which version of the model answered."""
        return await context.once(SHARED_PASS, lambda: self._encode(picture, context))

    async def _encode(self, picture: Picture, context: RunContext) -> Inference:
        if self.cache is None or context.fresh:
            return await self._run_model(picture, context, context.deadline)
        # The pixels follow from the file and the scale at which it was decoded.
        width, height = picture.pixels.size
        key = self.current_version(self.used).sha256, picture.sha256, f"{width}x{height}"
        # No deadline: the pass may serve other requests, too. A request whose deadline is over just stops waiting.
        inference = await self.cache.get(key, context.priority, lambda: self._run_model(picture, context, None))
        context.record_model(inference)
        return inference

    async def _run_model(self, picture: Picture, context: RunContext, deadline: float | None) -> Inference:
        with context.stage("preprocess"):
            tensor = await self.pool.run(crop_centre, picture.pixels, self.manifest.input)
        inputs = {self.manifest.input.name: tensor}
        inference = await self.infer(self.manifest.id, inputs, priority=context.priority, deadline=deadline)
        context.record_inference(inference)
        return inference
