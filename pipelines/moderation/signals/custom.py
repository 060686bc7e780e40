"""The signal "custom": what each trained category makes of the encoder's embedding."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipelines.captioning.encoder import Encoder
from pipelines.image.decode import Picture
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import Entry, HeadStore
from pipelines.moderation.errors import HeadMismatch
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext, used_in
from pipelines.types import ModelUsed

LIKELY = 0.5  # from here on a category is evidence


@dataclass(frozen=True)
class Custom:
    """Scores are by category. One that cannot be used has none, and evidence that says why.

    `heads` gives the store with what its folder has now.
    """

    encoder: Encoder
    heads: Callable[[], Awaitable[HeadStore]]
    name: str = "custom"

    @property
    def models(self) -> list[ModelUsed]:
        return [self.encoder.used]

    @property
    def shorter_side(self) -> int:
        return self.encoder.shorter_side

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        entries = (await self.heads()).entries
        usable, idle = _sorted(entries, self.encoder.used)
        scores: dict[str, float] = {}
        if any(entry.head for entry in entries):
            answer = await self.encoder.infer_on(picture, context)
            # To another version's heads this one's embeddings say nothing.
            usable, idle = _sorted(entries, used_in(answer, self.encoder.used))
            embedding = answer.outputs["embedding"]
            scores = {head.name: head.score(embedding) for head in usable}  # 20 µs each: less than a thread costs
        likely = [Evidence(what=name, score=round(score, 6)) for name, score in scores.items() if score > LIKELY]
        reading = SignalResult.of(
            scores,
            likely + idle,
            detector=self.encoder.used.id,
            version=",".join(f"{head.name}:{head.version}" for head in usable),
        )
        if idle and not usable:
            return reading.model_copy(update={"error": "; ".join(one.detail or "" for one in idle)})
        return reading


def _sorted(entries: list[Entry], encoder: ModelUsed) -> tuple[list[Head], list[Evidence]]:
    """The heads that fit the encoder, and for each that cannot be used, why."""
    usable, idle = [], []
    for entry in entries:
        if entry.head is None:
            idle.append(Evidence(what=entry.name, detail=f"its file is broken: {entry.problem}"))
            continue
        try:
            entry.head.check(encoder)
        except HeadMismatch as mismatch:
            idle.append(Evidence(what=entry.name, detail=str(mismatch)))
        else:
            usable.append(entry.head)
    return usable, idle
