"""Limits of keys over the minutes of a clock that the tests turn."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from service.keys.caller import Caller
from service.keys.errors import RateLimited
from service.keys.rate_counts import RateCounts
from service.keys.rate_limits import RateLimiter, check_rates, rate_headers
from service.keys.rate_window import RateWindow
from service.queue.connection import QueueConnection
from service.queue.scripts import ScriptRunner

_numbers = itertools.count()
START = 1_800_000_000.0  # the start of a minute

WithLimiter = Callable[[Callable[[RateLimiter], Awaitable[object]]], None]


@dataclass
class Clock:
    at: float = START

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def run_with(request: pytest.FixtureRequest, clock: Clock) -> WithLimiter:
    """Runs a test with a limiter that counts in the process, and with one that counts in Redis."""

    def run(test: Callable[[RateLimiter], Awaitable[object]]) -> None:
        async def with_limiter() -> None:
            limiter = RateLimiter(RateCounts(clock))
            if request.param == "memory":
                await test(limiter)
                return
            connection = QueueConnection(request.getfixturevalue("url"))
            try:
                limiter.counts.share_in(ScriptRunner(connection, f"test-rates-{next(_numbers)}"))
                await test(limiter)
            finally:
                await connection.close()

        asyncio.run(with_limiter())

    return run


def caller(requests: int | None = None, pixels: int | None = None) -> Caller:
    return Caller(frozenset({"analyze"}), "shop", "acme", requests, pixels)


async def ask(limiter: RateLimiter, who: Caller) -> dict[str, str]:
    uses = await limiter.count_request(who, decodes=True)
    check_rates(uses)
    return dict(rate_headers(uses))


async def count_answered(limiter: RateLimiter, who: Caller, tries: int) -> int:
    answered = 0
    for _ in range(tries):
        try:
            await ask(limiter, who)
        except RateLimited:
            continue
        answered += 1
    return answered


def test_a_key_gets_as_many_requests_a_minute_as_its_limit(run_with: WithLimiter) -> None:
    async def test(limiter: RateLimiter) -> None:
        assert await count_answered(limiter, caller(requests=5), tries=9) == 5

    run_with(test)


def test_a_burst_around_the_turn_of_a_minute_is_no_larger_than_the_limit(run_with: WithLimiter, clock: Clock) -> None:
    async def test(limiter: RateLimiter) -> None:
        clock.at = START + 59
        before = await count_answered(limiter, caller(requests=60), tries=70)
        clock.at = START + 61
        assert (before, await count_answered(limiter, caller(requests=60), tries=70)) == (60, 1)

    run_with(test)


def test_whoever_waits_as_long_as_the_answer_says_is_let_in(run_with: WithLimiter, clock: Clock) -> None:
    async def test(limiter: RateLimiter) -> None:
        for began in (0, 13, 59):
            clock.at += 600 + began
            await count_answered(limiter, caller(requests=3), tries=5)
            with pytest.raises(RateLimited) as refused:
                await ask(limiter, caller(requests=3))
            clock.at += refused.value.retry_seconds - 1.5
            assert await count_answered(limiter, caller(requests=3), tries=1) == 0
            clock.at += 1.5
            assert await count_answered(limiter, caller(requests=3), tries=1) == 1

    run_with(test)


def test_refused_requests_do_not_prolong_the_wait(run_with: WithLimiter, clock: Clock) -> None:
    async def test(limiter: RateLimiter) -> None:
        await count_answered(limiter, caller(requests=2), tries=500)
        clock.at = START + 60 + 45
        assert await count_answered(limiter, caller(requests=2), tries=5) == 1

    run_with(test)


def test_pixels_that_were_decoded_close_the_key_until_they_have_faded(run_with: WithLimiter, clock: Clock) -> None:
    async def test(limiter: RateLimiter) -> None:
        await ask(limiter, caller(pixels=1_000_000))
        await limiter.counts.add("pixels:shop", 4_000_000)
        with pytest.raises(RateLimited, match="1,000,000 pixels"):
            await ask(limiter, caller(pixels=1_000_000))
        clock.at = START + 60 + 46  # a quarter of four million
        await ask(limiter, caller(pixels=1_000_000))

    run_with(test)


def test_a_request_that_decodes_nothing_needs_no_pixels(run_with: WithLimiter) -> None:
    async def test(limiter: RateLimiter) -> None:
        await limiter.counts.add("pixels:shop", 4_000_000)
        check_rates(await limiter.count_request(caller(pixels=1_000_000), decodes=False))

    run_with(test)


def test_headers_name_each_limit_with_what_is_left(run_with: WithLimiter) -> None:
    async def test(limiter: RateLimiter) -> None:
        await limiter.counts.add("pixels:shop", 400)
        headers = await ask(limiter, caller(requests=10, pixels=1_000))

        assert headers["RateLimit-Policy"] == '"requests";q=10;w=60, "pixels";q=1000;w=60'
        assert re.sub(r"t=\d+", "t=", headers["RateLimit"]) == '"requests";r=9;t=, "pixels";r=600;t='

    run_with(test)


def test_a_key_without_limits_has_no_headers_and_counts_nothing(run_with: WithLimiter) -> None:
    async def test(limiter: RateLimiter) -> None:
        assert await ask(limiter, caller()) == {}

    run_with(test)


def test_processes_that_share_redis_share_a_limit(url: str, clock: Clock) -> None:
    async def test() -> None:
        connection = QueueConnection(url)
        scripts = ScriptRunner(connection, f"test-rates-{next(_numbers)}")
        limiters = [RateLimiter(RateCounts(clock)) for _ in range(2)]
        for limiter in limiters:
            limiter.counts.share_in(scripts)
        try:
            answered = [await count_answered(limiter, caller(requests=5), tries=4) for limiter in limiters]
        finally:
            await connection.close()

        assert answered == [4, 1]

    asyncio.run(test())


def test_without_redis_each_process_counts_for_itself(clock: Clock) -> None:
    async def test() -> None:
        connection = QueueConnection("redis://127.0.0.1:1/0")
        limiter = RateLimiter(RateCounts(clock))
        limiter.counts.share_in(ScriptRunner(connection))
        try:
            assert await count_answered(limiter, caller(requests=5), tries=9) == 5
        finally:
            await connection.close()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("previous", "current", "elapsed", "seconds"),
    [(0, 9, 30, 0), (0, 10, 30, 36), (10, 0, 0, 6), (10, 5, 6, 30), (100, 0, 30, 25), (0, 1_000_000, 0, 120)],
)
def test_the_wait_follows_from_both_minutes(previous: int, current: int, elapsed: float, seconds: int) -> None:
    assert RateWindow(previous, current, elapsed).seconds_until_room(10) == seconds
