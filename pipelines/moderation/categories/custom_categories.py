"""Custom categories from end to end: images through the engine's encoder, a head of them, and scores of it.

samples ─► engine, at the priority of bulk work ─► embeddings ─► fit ─► head, stored and in use at once
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.concurrency import gather_or_cancel
from models.errors import Overloaded
from pipelines.captioning.pipeline import FeaturesOptions
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import ImageRejected
from pipelines.findings import Findings
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.categories.training import check_counts, fit
from pipelines.moderation.errors import TrainingRejected
from pipelines.types import ModelUsed, Wire

AT_ONCE = 8  # images in flight: enough to keep every core busy, few enough to keep memory small
EMBEDDING = FeaturesOptions(top_k=0, embedding="float")

Embedding = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """An image to learn from; `read` gives its bytes when its turn comes, and may raise OSError."""

    name: str
    read: Callable[[], Awaitable[bytes]]


class Skipped(Wire):
    """An image that could not be used."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Trained:
    head: Head
    skipped: list[Skipped]


@dataclass(frozen=True)
class Categories:
    """`declared` is the encoder that the engine's features come from, in the version that it had at start."""

    engine: Engine
    declared: ModelUsed
    heads: HeadStore
    pool: CpuPool
    _training: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def encoder(self) -> ModelUsed:
        """The version that answers now."""
        return self.engine.live(self.declared)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One training at a time: its images wait in memory. Raises Overloaded instead of waiting."""
        if self._training.locked():
            raise Overloaded("training", 1, retry_seconds=10)
        async with self._training:
            yield

    async def train(
        self,
        name: str,
        positives: Sequence[Sample],
        negatives: Sequence[Sample],
        *,
        replace: bool = False,
        on_image: Callable[[], None] = lambda: None,
    ) -> Trained:
        """Learn, store and use a head; `on_image` is called after each image. Raises what `fit` and `save` raise,
        and what the engine does but for images that cannot be used: those are skipped.
        """
        self.heads.check_free(name, replace=replace)
        check_counts(len(positives), len(negatives))
        slots, encoders = asyncio.Semaphore(AT_ONCE), set[ModelUsed]()

        async def one(sample: Sample) -> Embedding | Skipped:
            async with slots:
                seen = await self._embedded(sample, encoders)
                on_image()
                return seen

        seen = await gather_or_cancel(*map(one, [*positives, *negatives]))
        skipped = [one for one in seen if isinstance(one, Skipped)]
        kinds = [
            [one for one in part if not isinstance(one, Skipped)]
            for part in (seen[: len(positives)], seen[len(positives) :])
        ]
        check_counts(*map(len, kinds), of=f"images that can be read ({len(skipped)} cannot)" if skipped else "images")
        if len(encoders) > 1:
            raise TrainingRejected("another version of the encoder was promoted meanwhile: train again")
        head = await self.pool.run(fit, name, np.array(kinds[0]), np.array(kinds[1]), encoders.pop())
        await self.pool.run(self.heads.save, head, replace=replace)
        return Trained(head, skipped)

    async def _embedded(self, sample: Sample, encoders: set[ModelUsed]) -> Embedding | Skipped:
        """`encoders` is added to what embedded it."""
        try:
            findings = await self.engine.run(await sample.read(), {"features": EMBEDDING}, priority="batch")
        except (ImageRejected, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            return Skipped(name=sample.name, why=why or str(error))
        encoders.update(findings.models)
        return embedding_of(findings)


def embedding_of(findings: Findings) -> Embedding:
    """(C,), of an answer to `EMBEDDING`."""
    assert findings.features is not None
    return np.array(findings.features.embedding)


def score_of(head: Head, findings: Findings) -> float:
    """Raises HeadMismatch."""
    [encoder] = findings.models
    head.check(encoder)
    return round(head.score(embedding_of(findings)), 6)
