"""The image encoder: one pass per request, whoever asks, for captioning, moderation and custom categories."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.labels import LabelSet
from models.manifest import Manifest
from models.session import Array
from pipelines.decode import Picture
from pipelines.pipeline import Call, CpuPool, Infer
from pipelines.preprocess import central_crop, shorter_side_wanted
from pipelines.types import ModelUsed, Tag

ENCODED = "encoder"  # under which a call keeps the pass that its pipelines share


@dataclass(frozen=True)
class Encoder:
    """`labels` are in the order of the logits."""

    manifest: Manifest
    used: ModelUsed
    labels: LabelSet
    infer: Infer
    pool: CpuPool

    @property
    def shorter_side(self) -> int:
        """Pixels that a picture's shorter side needs for its crop to lose nothing that matters."""
        return shorter_side_wanted(self.manifest.input)

    def tag(self, index: int, score: float) -> Tag:
        label = self.labels.labels[index]
        return Tag(index=index, wnid=label.wnid, label=label.name, score=round(score, 6), group=label.group)

    async def encode(self, picture: Picture, call: Call) -> Mapping[str, Array]:
        """`embedding` (C,), not L2-normalised, `grid` (H, W, C) and `logits` (K,), float32.

        Callers with the same call share one pass; the times of it are the first caller's.
        """
        return await call.once(ENCODED, lambda: self._encode(picture, call))

    async def _encode(self, picture: Picture, call: Call) -> Mapping[str, Array]:
        with call.stage("preprocess"):
            tensor = await self.pool.run(central_crop, picture.pixels, self.manifest.input)
        inputs = {self.manifest.input.name: tensor}
        answer = await self.infer(self.manifest.id, inputs, priority=call.priority, deadline=call.deadline)
        call.inferred(answer)
        return answer.outputs
