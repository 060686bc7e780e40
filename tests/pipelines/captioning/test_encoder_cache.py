"""The encoder's cache: an image that was seen lately costs no second pass, and nobody's end is another's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import InferenceFailed
from models.inference import Inference
from models.labels import label_set
from models.registry import Catalog
from models.runtime.session import Array
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.encoder_cache import EncoderCache
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Limits, Picture, decode
from pipelines.run_context import RunContext
from tests.pipelines.fakes import USED, Asked, FakeEncoder
from tests.pipelines.images import encode, photograph

MANIFEST, LABELS = Catalog.load().get("efficientnet-lite0"), label_set("imagenet-1k")
LARGE = encode(photograph("cat").resize((2000, 1400)), "JPEG")
CAT, COFFEE = (decode(encode(photograph(name), "JPEG"), limits=Limits()) for name in ("cat", "coffee"))
GIVE_UP_SECONDS = 30.0


@dataclass
class SlowEncoder(FakeEncoder):
    """Answers, or fails, when its gate opens."""

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


def cached(infer: FakeEncoder, pool: CpuPool, limit: int = 8) -> Encoder:
    return Encoder(MANIFEST, USED, LABELS, infer, pool, EncoderCache(limit))


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, GIVE_UP_SECONDS))


async def until(fact: Callable[[], bool]) -> None:
    while not fact():
        await asyncio.sleep(0.001)


async def asking(encoder: Encoder, *calls: RunContext) -> list[asyncio.Task[Mapping[str, Array]]]:
    """A request for the same image with each call, all of them in a pass when this returns."""
    tasks = [asyncio.create_task(encoder.encode(CAT, context)) for context in calls]
    infer = encoder.infer
    assert isinstance(infer, SlowEncoder)
    await until(lambda: len(infer.asked) == len({context.priority for context in calls}))
    return tasks


def counts(encoder: Encoder) -> tuple[int, int]:
    assert encoder.cache
    return encoder.cache.hits, encoder.cache.misses


def test_an_image_that_comes_again_is_answered_alike_without_a_pass(pool: CpuPool) -> None:
    infer = FakeEncoder(np.arange(1000, dtype=np.float32))
    encoder, first, second = cached(infer, pool), RunContext(), RunContext()

    async def scenario() -> None:
        one, other = await encoder.encode(CAT, first), await encoder.encode(CAT, second)
        assert all(np.array_equal(one[name], other[name]) for name in ("embedding", "grid", "logits"))
        assert not any(values.flags.writeable for values in other.values())  # nobody spoils it for the next one

    run(scenario())

    assert (len(infer.asked), counts(encoder), "session" in first.timings, second.timings) == (1, (1, 1), True, {})


@pytest.mark.parametrize(
    "other", [COFFEE, decode(LARGE, limits=Limits(), shorter_side=256)], ids=["another image", "another scale"]
)
def test_what_may_be_answered_otherwise_has_a_pass_of_its_own(pool: CpuPool, other: Picture) -> None:
    encoder = cached(infer := FakeEncoder(), pool)
    whole = decode(LARGE, limits=Limits())

    async def scenario() -> None:
        await encoder.encode(whole, RunContext())
        await encoder.encode(other, RunContext())

    run(scenario())

    assert (len(infer.asked), counts(encoder)) == (2, (0, 2))


def test_a_fresh_look_takes_nothing_from_the_cache_and_leaves_nothing_there(pool: CpuPool) -> None:
    encoder = cached(infer := FakeEncoder(), pool)

    async def scenario() -> None:
        for _ in range(2):
            await encoder.encode(CAT, RunContext(fresh=True))

    run(scenario())

    assert (len(infer.asked), counts(encoder)) == (2, (0, 0))


def test_those_who_come_while_a_pass_is_on_its_way_share_it_and_survive_whoever_began_it(pool: CpuPool) -> None:
    encoder = cached(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        first, second, third = await asking(encoder, RunContext(), RunContext(), RunContext())
        first.cancel()
        await asyncio.wait({first})
        infer.gate.set()
        answers = await asyncio.gather(second, third)
        assert (first.cancelled(), answers[0] is answers[1], infer.cancelled) == (True, True, 0)

    run(scenario())

    assert (len(infer.asked), counts(encoder)) == (1, (2, 1))


def test_a_pass_that_nobody_waits_for_any_more_is_cancelled_and_hinders_no_newcomer(pool: CpuPool) -> None:
    encoder = cached(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        tasks = await asking(encoder, RunContext(), RunContext())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        newcomer = asyncio.create_task(encoder.encode(CAT, RunContext()))
        await until(lambda: len(infer.asked) == 2)
        infer.gate.set()
        assert ("grid" in await newcomer, infer.cancelled) == (True, 1)

    run(scenario())


def test_the_deadline_of_one_is_not_that_of_the_pass(pool: CpuPool) -> None:
    encoder = cached(infer := FakeEncoder(), pool)

    run(_once(encoder, RunContext(deadline=123.0)))

    assert [deadline for *_, deadline in infer.asked] == [None]


async def _once(encoder: Encoder, context: RunContext) -> None:
    await encoder.encode(CAT, context)


def test_somebody_who_waits_does_not_come_to_stand_in_the_line_of_bulk_work(pool: CpuPool) -> None:
    encoder = cached(infer := SlowEncoder(), pool)

    async def scenario() -> None:
        tasks = await asking(encoder, RunContext(priority="batch"), RunContext(priority="interactive"))
        infer.gate.set()
        await asyncio.gather(*tasks)

    run(scenario())

    assert [priority for _, _, priority, _ in infer.asked] == ["batch", "interactive"]


def test_a_failure_is_told_to_all_who_wait_and_forgotten(pool: CpuPool) -> None:
    encoder = cached(infer := SlowEncoder(error=InferenceFailed("out of luck")), pool)

    async def scenario() -> None:
        tasks = await asking(encoder, RunContext(), RunContext())
        infer.gate.set()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        infer.error = None
        assert ([type(one) for one in errors], "grid" in await encoder.encode(CAT, RunContext())) == (
            [InferenceFailed] * 2, True,
        )  # fmt: skip

    run(scenario())


def test_the_image_that_nobody_asked_for_longest_is_forgotten_first(pool: CpuPool) -> None:
    encoder = cached(infer := FakeEncoder(), pool, limit=2)
    pictures = [decode(encode(Image.new("RGB", (8, 8), colour), "PNG"), limits=Limits()) for colour in ("red", "tan")]

    async def scenario() -> None:
        for picture in (*pictures, pictures[0], CAT, pictures[0], pictures[1]):
            await encoder.encode(picture, RunContext())

    run(scenario())

    assert (len(infer.asked), counts(encoder)) == (4, (2, 4))
