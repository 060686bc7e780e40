"""Cancelled work stops at once: siblings of a failure are cancelled, images in the queue are freed."""

import asyncio
import gc
import threading
import weakref

import pytest

from models.concurrency import SharedCalls, gather_or_cancel, running_beside
from models.errors import InferenceFailed
from pipelines.cpu_pool import CpuPool


def test_results_come_in_the_order_of_the_work() -> None:
    async def later(value: int) -> int:
        await asyncio.sleep(0.001 * (3 - value))
        return value

    async def run() -> list[int]:
        return await gather_or_cancel(later(1), later(2), later(3))

    assert asyncio.run(run()) == [1, 2, 3]


def test_when_one_fails_the_others_are_cancelled_first() -> None:
    ended = []

    async def endless() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def failing() -> None:
        raise InferenceFailed("no")

    async def run() -> None:
        with pytest.raises(InferenceFailed):
            await gather_or_cancel(endless(), failing())

    asyncio.run(run())
    assert ended == ["cancelled"]


class Picture:
    """Stands in for an image's bytes; takes weak references."""


def test_cancelled_work_frees_its_image_while_still_queued() -> None:
    pool, release = CpuPool(threads=1), threading.Event()

    async def run() -> bool:
        busy = asyncio.create_task(pool.run(release.wait, 30))
        picture = Picture()
        gone = weakref.ref(picture)
        queued = asyncio.create_task(pool.run(id, picture))
        await asyncio.sleep(0.01)
        queued.cancel()
        await asyncio.wait([queued])
        del picture, queued
        gc.collect()
        is_freed = gone() is None
        release.set()
        await busy
        return is_freed

    is_freed = asyncio.run(run())
    pool.close()
    assert is_freed


def test_callers_of_one_key_share_a_call_that_outlives_the_first() -> None:
    calls: list[str] = []

    async def scenario() -> str:
        shared, gate = SharedCalls[str, str](), asyncio.Event()

        async def call() -> str:
            calls.append("begun")
            await gate.wait()
            return "answer"

        first, second = (asyncio.ensure_future(shared.run("key", call)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        return await second

    assert asyncio.run(scenario()) == "answer"
    assert calls == ["begun"]


def test_a_call_that_nobody_waits_for_is_cancelled() -> None:
    async def scenario() -> bool:
        shared, ended = SharedCalls[str, None](), asyncio.Event()

        async def call() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        waiter = asyncio.ensure_future(shared.run("key", call))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait_for(ended.wait(), 5)
        return "key" in shared

    assert asyncio.run(scenario()) is False


def test_work_beside_a_block_ends_with_it() -> None:
    ended = list[str]()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("work")

    async def scene() -> None:
        async with running_beside(work(), name="work"):
            await asyncio.sleep(0)
        ended.append("block")

    asyncio.run(scene())

    assert ended == ["work", "block"]


def test_what_work_beside_a_block_raises_is_raised_at_its_end() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        async with running_beside(fail(), name="work"):
            await asyncio.sleep(0.01)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scene())
