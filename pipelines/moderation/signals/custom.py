"""Signal "custom": scores the encoder's embedding by each trained category."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from pipelines.captioning.encoder import ImageEncoder
from pipelines.image.decode import Picture
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore, StoredHead
from pipelines.moderation.errors import HeadMismatch
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext, model_used
from pipelines.types import ModelUsed

LIKELY_SCORE = 0.5  # from here on a category is evidence


@dataclass(frozen=True)
class CustomCategorySignal:
    """Scores are by category. A category that cannot be used has no score, and evidence that says why.

    `heads` gives the store with the current content of its folder.
    """

    encoder: ImageEncoder
    heads: Callable[[], Awaitable[HeadStore]]
    name: ClassVar[str] = "custom"

    @classmethod
    def score_names(cls) -> ScoreNames:
        """Any name: categories are trained and removed while policies stay."""
        return None

    @property
    def models(self) -> list[ModelUsed]:
        return [self.encoder.used]

    @property
    def shorter_side(self) -> int:
        return self.encoder.shorter_side

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        entries = (await self.heads()).entries
        usable, unusable = _split_usable(entries, self.encoder.used)
        scores: dict[str, float] = {}
        if any(entry.head for entry in entries):
            inference = await self.encoder.infer_picture(picture, context)
            # A head means nothing for embeddings of another version than its own.
            usable, unusable = _split_usable(entries, model_used(inference, self.encoder.used))
            embedding = inference.outputs["embedding"]
            scores = {head.name: head.score(embedding) for head in usable}  # 20 µs each: less than a thread costs
        likely = [Evidence(what=name, score=round(score, 6)) for name, score in scores.items() if score > LIKELY_SCORE]
        result = SignalResult.of(
            scores,
            likely + unusable,
            detector=self.encoder.used.id,
            version=",".join(f"{head.name}:{head.version}" for head in usable),
        )
        if unusable and not usable:
            return result.model_copy(update={"error": "; ".join(one.detail or "" for one in unusable)})
        return result


def _split_usable(entries: list[StoredHead], encoder: ModelUsed) -> tuple[list[Head], list[Evidence]]:
    """The heads that fit the encoder, and for each other one, why it cannot be used."""
    usable, unusable = [], []
    for entry in entries:
        if entry.head is None:
            unusable.append(Evidence(what=entry.name, detail=f"its file is broken: {entry.problem}"))
            continue
        try:
            entry.head.check_encoder(encoder)
        except HeadMismatch as mismatch:
            unusable.append(Evidence(what=entry.name, detail=str(mismatch)))
        else:
            usable.append(entry.head)
    return usable, unusable
