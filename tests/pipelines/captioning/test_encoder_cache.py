"""The encoder's cache: a recent image costs no second pass, and a caller's end never ends another's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.arrays import Array
from models.errors import InferenceFailed
from models.inference import Inference
from models.labels import load_label_set
from models.registry import Catalog
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.run_context import RunContext
from tests.pipelines.fakes import USED, Asked, FakeEncoder
from tests.pipelines.images import encode, photograph

MANIFEST, LABELS = Catalog.load().get("efficientnet-lite0"), load_label_set("imagenet-1k")
LARGE = encode(photograph("cat").resize((2000, 1400)), "JPEG")
CAT, COFFEE = (decode(encode(photograph(name), "JPEG"), limits=ImageLimits()) for name in ("cat", "coffee"))
GIVE_UP_SECONDS = 30.0


@dataclass
class SlowEncoder(FakeEncoder):
    """Answers, or raises `error`, once its gate opens."""

    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0

    async def answer(self, asked: Asked) -> Inference:
        answer = await super().answer(asked)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return answer


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


def encoder_with_cache(infer: FakeEncoder, pool: CpuPool, limit: int = 8) -> tuple[ImageEncoder, EncoderCache]:
    cache = EncoderCache(limit)
    return ImageEncoder(MANIFEST, USED, LABELS, infer, pool, cache), cache


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, GIVE_UP_SECONDS))


async def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def start_requests(encoder: ImageEncoder, *contexts: RunContext) -> list[asyncio.Task[Mapping[str, Array]]]:
    """A request for the same image with each context; all of them wait for a pass when this returns."""
    tasks = [asyncio.create_task(encoder.encode(CAT, context)) for context in contexts]
    infer = encoder.infer
    assert isinstance(infer, SlowEncoder)
    await wait_until(lambda: len(infer.asked) == len({context.priority for context in contexts}))
    return tasks


def test_a_repeated_image_gets_the_same_outputs_without_a_pass(pool: CpuPool) -> None:
    infer = FakeEncoder(np.arange(1000, dtype=np.float32))
    encoder, cache = encoder_with_cache(infer, pool)
    first, second = RunContext(), RunContext()

    async def scenario() -> None:
        one, other = await encoder.encode(CAT, first), await encoder.encode(CAT, second)
        assert all(np.array_equal(one[name], other[name]) for name in ("embedding", "grid", "logits"))
        assert not any(values.flags.writeable for values in other.values())  # so no caller can change them for the next

    run(scenario())

    assert len(infer.asked) == 1
    assert cache.hits == 1
    assert cache.misses == 1
    assert "session" in first.timings
    assert second.timings == {}


@pytest.mark.parametrize(
    "other", [COFFEE, decode(LARGE, limits=ImageLimits(), shorter_side=256)], ids=["another image", "another scale"]
)
def test_another_image_or_scale_gets_its_own_pass(pool: CpuPool, other: Picture) -> None:
    encoder, cache = encoder_with_cache(infer := FakeEncoder(), pool)
    whole = decode(LARGE, limits=ImageLimits())

    async def scenario() -> None:
        await encoder.encode(whole, RunContext())
        await encoder.encode(other, RunContext())

    run(scenario())

    assert len(infer.asked) == 2
    assert cache.hits == 0
    assert cache.misses == 2


def test_a_fresh_request_neither_reads_nor_fills_the_cache(pool: CpuPool) -> None:
    encoder, cache = encoder_with_cache(infer := FakeEncoder(), pool)

    async def scenario() -> None:
        for _ in range(2):
            await encoder.encode(CAT, RunContext(fresh=True))

    run(scenario())

    assert len(infer.asked) == 2
    assert cache.hits == 0
    assert cache.misses == 0


def test_a_running_pass_is_shared_and_survives_its_first_caller(pool: CpuPool) -> None:
    encoder, cache = encoder_with_cache(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        first, second, third = await start_requests(encoder, RunContext(), RunContext(), RunContext())
        first.cancel()
        await asyncio.wait({first})
        infer.gate.set()
        answers = await asyncio.gather(second, third)
        assert first.cancelled()
        assert answers[0] is answers[1]
        assert infer.cancelled == 0

    run(scenario())

    assert len(infer.asked) == 1
    assert cache.hits == 2
    assert cache.misses == 1


def test_a_pass_without_waiters_is_cancelled_and_blocks_no_newcomer(pool: CpuPool) -> None:
    encoder, _ = encoder_with_cache(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        tasks = await start_requests(encoder, RunContext(), RunContext())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        newcomer = asyncio.create_task(encoder.encode(CAT, RunContext()))
        await wait_until(lambda: len(infer.asked) == 2)
        infer.gate.set()
        assert "grid" in await newcomer
        assert infer.cancelled == 1

    run(scenario())


def test_a_shared_pass_has_no_deadline(pool: CpuPool) -> None:
    encoder, _ = encoder_with_cache(infer := FakeEncoder(), pool)

    run(_encode_once(encoder, RunContext(deadline=123.0)))

    assert [deadline for *_, deadline in infer.asked] == [None]


async def _encode_once(encoder: ImageEncoder, context: RunContext) -> None:
    await encoder.encode(CAT, context)


def test_an_interactive_request_never_waits_for_a_batch_pass(pool: CpuPool) -> None:
    encoder, _ = encoder_with_cache(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        tasks = await start_requests(encoder, RunContext(priority="batch"), RunContext(priority="interactive"))
        infer.gate.set()
        await asyncio.gather(*tasks)

    run(scenario())

    assert [priority for _, _, priority, _ in infer.asked] == ["batch", "interactive"]


def test_a_failure_reaches_all_waiters_and_is_not_cached(pool: CpuPool) -> None:
    encoder, _ = encoder_with_cache(infer := SlowEncoder(error=InferenceFailed("out of luck")), pool)

    async def scenario() -> None:
        tasks = await start_requests(encoder, RunContext(), RunContext())
        infer.gate.set()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        infer.error = None
        assert [type(one) for one in errors] == [InferenceFailed] * 2
        assert "grid" in await encoder.encode(CAT, RunContext())

    run(scenario())


def test_the_least_recently_used_image_is_dropped_first(pool: CpuPool) -> None:
    encoder, cache = encoder_with_cache(infer := FakeEncoder(), pool, limit=2)
    pictures = [
        decode(encode(Image.new("RGB", (8, 8), colour), "PNG"), limits=ImageLimits()) for colour in ("red", "tan")
    ]

    async def scenario() -> None:
        for picture in (*pictures, pictures[0], CAT, pictures[0], pictures[1]):
            await encoder.encode(picture, RunContext())

    run(scenario())

    assert len(infer.asked) == 4
    assert cache.hits == 2
    assert cache.misses == 4
