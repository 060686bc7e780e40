"""Moderates animations with given signals, as the pipeline does."""

import asyncio
from collections.abc import Iterator

import pytest

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits
from pipelines.image.decoders import Decoders
from pipelines.image.frame_reader import FrameReader
from pipelines.image.frame_views import SurveyPlan
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.signal import Signal
from pipelines.moderation.types import Moderation
from pipelines.run_context import RunContext

PoolAndDecoders = tuple[CpuPool, Decoders]


@pytest.fixture(scope="module")
def decoders() -> Iterator[PoolAndDecoders]:
    """With real processes for AVIF and TIFF."""
    pool = CpuPool(threads=1)
    decoders = Decoders(pool)
    yield pool, decoders
    decoders.close()
    pool.close()


def moderate(
    decoders: PoolAndDecoders,
    data: bytes,
    *signals: Signal,
    policy: Policy,
    most: int = 5,
    options: ModerationOptions | None = None,
    plan: SurveyPlan | None = None,
) -> Moderation:
    async def current() -> Policy:
        return policy

    async def run() -> Moderation:
        pool, own = decoders
        limits = ImageLimits()
        reader = FrameReader(own, limits, most, plan or SurveyPlan())
        pipeline = ModerationPipeline(signals, current, pool, frames=reader)
        picture = await reader.choose(await own.decode(data, limits=limits), None, is_judged=True)
        return await pipeline.run(picture, options or ModerationOptions(), RunContext())

    return asyncio.run(run())
