"""A captioner's calls: shared by requests for one file, cached, bounded in time, and each counted once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
import pytest

from pipelines.captioner.captioner import MAX_CAPTIONS, Captioner
from pipelines.captioner.errors import CaptionerFailed
from pipelines.captioner.types import Caption
from pipelines.errors import ImageCorrupt

FILE = (None, "a" * 64)


@dataclass
class Endpoint:
    """Answers after `release`, with an error if there is one."""

    release: asyncio.Event = field(default_factory=asyncio.Event)
    bodies: list[bytes] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    error: CaptionerFailed | None = None
    cancelled: int = 0

    async def post(self, body: bytes) -> bytes:
        self.bodies.append(body)
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return orjson.dumps({"choices": [{"message": {"content": f"caption {len(self.bodies)}"}}]})

    def captioner(self, seconds: float = 30.0) -> Captioner:
        return Captioner("a-model", "describe", seconds, self.post, lambda outcome, _: self.outcomes.append(outcome))


async def make_copy() -> bytes:
    return b"jpeg"


def run(scenario: Callable[[Endpoint], Awaitable[None]]) -> Endpoint:
    async def inner() -> Endpoint:
        endpoint = Endpoint()
        await scenario(endpoint)
        return endpoint

    return asyncio.run(inner())


def test_requests_for_one_file_share_a_call_and_later_ones_its_caption() -> None:
    captions: list[Caption] = []

    async def scenario(endpoint: Endpoint) -> None:
        captioner = endpoint.captioner()
        waiting = [asyncio.create_task(captioner.describe(FILE, make_copy)) for _ in range(5)]
        await asyncio.sleep(0)
        endpoint.release.set()
        captions.extend(await asyncio.gather(*waiting))
        captions.append(await captioner.describe(FILE, make_copy))

    endpoint = run(scenario)

    assert len(endpoint.bodies) == 1
    assert endpoint.outcomes == ["described", "cached"]
    assert [one.is_cached for one in captions] == [False] * 5 + [True]
    assert {one.text for one in captions} == {"caption 1"}
    assert captions[0].made_at == captions[-1].made_at is not None


def test_the_copy_is_sent_as_data_url_beside_the_prompt() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        endpoint.release.set()
        await endpoint.captioner().describe(FILE, make_copy)

    [body] = run(scenario).bodies

    [message] = orjson.loads(body)["messages"]
    assert orjson.loads(body)["model"] == "a-model"
    assert message["content"] == [
        {"type": "text", "text": "describe"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,anBlZw=="}},
    ]


def test_failures_are_not_cached() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        captioner = endpoint.captioner()
        endpoint.release.set()
        endpoint.error = CaptionerFailed("refused", "no")
        with pytest.raises(CaptionerFailed):
            await captioner.describe(FILE, make_copy)
        endpoint.error = None
        assert (await captioner.describe(FILE, make_copy)).text == "caption 2"

    assert run(scenario).outcomes == ["refused", "described"]


def test_a_slow_call_ends_with_its_time() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        with pytest.raises(CaptionerFailed) as caught:
            await endpoint.captioner(seconds=0.01).describe(FILE, make_copy)
        assert caught.value.reason == "too-slow"

    assert run(scenario).outcomes == ["too-slow"]


def test_a_waiter_that_leaves_ends_nothing_for_the_others() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        captioner = endpoint.captioner()
        first, second = (asyncio.create_task(captioner.describe(FILE, make_copy)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        endpoint.release.set()
        assert (await second).text == "caption 1"

    assert run(scenario).cancelled == 0


def test_a_call_without_waiters_is_cancelled() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        waiting = asyncio.create_task(endpoint.captioner().describe(FILE, make_copy))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.01)

    endpoint = run(scenario)

    assert endpoint.cancelled == 1
    assert endpoint.outcomes == ["cancelled"]


def test_what_makes_no_copy_is_told_and_never_sent() -> None:
    async def fail() -> bytes:
        raise ImageCorrupt("broken")

    async def scenario(endpoint: Endpoint) -> None:
        with pytest.raises(ImageCorrupt):
            await endpoint.captioner().describe(FILE, fail)

    assert run(scenario).bodies == []


def test_the_oldest_caption_makes_room() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        captioner = endpoint.captioner()
        endpoint.release.set()
        for number in range(MAX_CAPTIONS + 1):
            await captioner.describe((None, str(number)), make_copy)
        assert (await captioner.describe((None, "1"), make_copy)).is_cached
        assert not (await captioner.describe((None, "0"), make_copy)).is_cached

    assert len(run(scenario).bodies) == MAX_CAPTIONS + 2


def test_tenants_share_no_captions() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        captioner = endpoint.captioner()
        endpoint.release.set()
        captions = [await captioner.describe((tenant, "a" * 64), make_copy) for tenant in ("one", "other")]
        assert not any(caption.is_cached for caption in captions)

    assert len(run(scenario).bodies) == 2
