"""Trains custom categories from images, and scores images by them.

images ─► engine, at batch priority ─► embeddings ─► fit_head ─► head, stored and in use at once
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.concurrency import gather_or_cancel
from models.errors import Overloaded
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.spec import FEATURES
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import ImageRejected
from pipelines.findings import Findings
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.categories.training import check_counts, fit_head
from pipelines.moderation.errors import TrainingRejected
from pipelines.types import ModelUsed, WireModel

MAX_IN_FLIGHT = 8  # images in flight: enough to keep every core busy, few enough to keep memory small
EMBEDDING_OPTIONS = FeaturesOptions(top_k=0, embedding="float")

Embedding = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """An image to learn from; `read` is called when its turn comes, and may raise OSError."""

    name: str
    read: Callable[[], Awaitable[bytes]]


class SkippedImage(WireModel):
    """An image that training could not use."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class TrainingResult:
    head: Head
    skipped: list[SkippedImage]


@dataclass(frozen=True)
class CustomCategories:
    """`encoder_at_start` is the encoder of the engine's features, in the version that it had at start."""

    engine: Engine
    encoder_at_start: ModelUsed
    heads: HeadStore
    pool: CpuPool
    _training: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def encoder(self) -> ModelUsed:
        """The version that serves now."""
        return self.engine.current_version(self.encoder_at_start)

    @asynccontextmanager
    async def reserve_training(self) -> AsyncIterator[None]:
        """Allow one training at a time, because its images wait in memory. Raises Overloaded instead of waiting."""
        if self._training.locked():
            raise Overloaded("training", 1, retry_seconds=10)
        async with self._training:
            yield

    async def train(
        self,
        name: str,
        positives: Sequence[TrainingImage],
        negatives: Sequence[TrainingImage],
        *,
        replace: bool = False,
        on_image: Callable[[], None] = lambda: None,
    ) -> TrainingResult:
        """Train a head, store it and use it at once; `on_image` is called after each image.

        Raises what `fit_head`, `save` and the engine raise; images that cannot be used are skipped instead.
        """
        self.heads.check_free(name, replace=replace)
        check_counts(len(positives), len(negatives))
        slots, encoders = asyncio.Semaphore(MAX_IN_FLIGHT), set[ModelUsed]()

        async def embed(image: TrainingImage) -> Embedding | SkippedImage:
            async with slots:
                embedding = await self._embed(image, encoders)
                on_image()
                return embedding

        results = await gather_or_cancel(*map(embed, [*positives, *negatives]))
        skipped = [one for one in results if isinstance(one, SkippedImage)]
        kinds = [
            [one for one in part if not isinstance(one, SkippedImage)]
            for part in (results[: len(positives)], results[len(positives) :])
        ]
        check_counts(*map(len, kinds), of=f"images that can be read ({len(skipped)} cannot)" if skipped else "images")
        if len(encoders) > 1:
            raise TrainingRejected("another version of the encoder was promoted meanwhile: train again")
        head = await self.pool.run(fit_head, name, np.array(kinds[0]), np.array(kinds[1]), encoders.pop())
        await self.pool.run(self.heads.save, head, replace=replace)
        return TrainingResult(head, skipped)

    async def _embed(self, image: TrainingImage, encoders: set[ModelUsed]) -> Embedding | SkippedImage:
        """Adds the version that embedded the image to `encoders`."""
        try:
            findings = await self.engine.run(await image.read(), {"features": EMBEDDING_OPTIONS}, priority="batch")
        except (ImageRejected, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            return SkippedImage(name=image.name, why=why or str(error))
        encoders.update(findings.models)
        return get_embedding(findings)


def get_embedding(findings: Findings) -> Embedding:
    """(C,), from findings of a run with `EMBEDDING_OPTIONS`."""
    return np.array(findings.of(FEATURES).embedding)


def score_findings(head: Head, findings: Findings) -> float:
    """Raises HeadMismatch."""
    [encoder] = findings.models
    head.check_encoder(encoder)
    return round(head.score(get_embedding(findings)), 6)
