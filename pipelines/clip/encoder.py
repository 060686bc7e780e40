"""Runs CLIP's two towers: pictures and texts to unit vectors of one space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest, TextManifest
from models.priority import Priority
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.preprocess import crop_centre, required_shorter_side
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

if TYPE_CHECKING:  # it loads ftfy
    from pipelines.clip.tokeniser import ClipTokeniser

PREPROCESS, WAIT, SESSION = STAGES = ("clip.preprocess", "clip.wait", "clip.session")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TextEmbeddings:
    """`vectors` are (N, C) of length 1; `scale` turns their cosine with a picture's into a logit. `tokens` counts
    those of all texts.
    """

    vectors: Floats
    scale: float
    tokens: int
    model: ModelUsed


@dataclass(frozen=True)
class ClipEncoder:
    images: Manifest
    texts: TextManifest
    used_for_images: ModelUsed
    used_for_texts: ModelUsed
    tokeniser: "ClipTokeniser"
    infer: Infer
    infer_many: Infer
    pool: CpuPool

    @property
    def shorter_side(self) -> int:
        """Pixels that a picture's shorter side needs for its crop to lose nothing that matters."""
        return required_shorter_side(self.images.input)

    async def embed_picture(self, picture: Picture, context: RunContext) -> Floats:
        """(C,) of length 1. Raises what inference does."""
        with context.stage(PREPROCESS):
            tensor = await self.pool.run(crop_centre, picture.pixels, self.images.input)
        inputs = {self.images.input.name: tensor}
        answer = await self.infer(self.images.id, inputs, priority=context.priority, deadline=context.deadline)
        context.record_inference(answer, wait=WAIT, session=SESSION)
        return to_unit(answer.outputs["embedding"])

    async def embed_texts(
        self, texts: Sequence[str], *, priority: Priority = "interactive", deadline: float | None = None
    ) -> TextEmbeddings:
        """At least one text; of a long one the first 75 tokens count. Raises what inference does."""
        ids = await self.pool.run(self.tokeniser.make_ids, texts)
        answer = await self.infer_many(
            self.texts.id, {self.texts.input.name: ids}, priority=priority, deadline=deadline
        )
        model = self.used_for_texts if answer.model_info is None else ModelUsed.of(answer.model_info)
        return TextEmbeddings(
            to_unit(answer.outputs["embedding"]),
            float(answer.outputs["scale"][0]),
            int((ids.argmax(1) + 1).sum()),
            model,
        )


def to_unit(vectors: Floats) -> Floats:
    """Each vector of the last axis divided by its length."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return unit.astype(np.float32)
