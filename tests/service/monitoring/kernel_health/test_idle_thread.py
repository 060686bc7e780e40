"""Work that may wait does wait while somebody else does, and ends when the service does."""

import asyncio
import os
import threading

import pytest

from models.errors import Overloaded
from service.monitoring.kernel_health.idle_thread import QuietThread, QuietThreadClosed


def test_work_rests_while_somebody_waits_and_then_goes_on() -> None:
    async def run() -> tuple[bool, str]:
        waits = [True]
        thread = QuietThread(lambda: waits[0])
        work = asyncio.create_task(thread.run(lambda: "done"))
        await asyncio.wait({work}, timeout=0.3)
        rested = not work.done()
        waits[0] = False
        done = await work
        thread.close()
        return rested, done

    assert asyncio.run(run()) == (True, "done")


def test_its_priority_is_the_lowest_and_that_of_other_threads_stays() -> None:
    async def run() -> int:
        thread = QuietThread(lambda: False)
        priority = await thread.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        thread.close()
        return priority

    assert (asyncio.run(run()), os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19) == (19, True)


def test_closing_ends_work_at_its_next_pause_even_while_somebody_waits() -> None:
    async def run() -> None:
        started = threading.Event()
        waits = [False]
        thread = QuietThread(lambda: waits[0])

        def steps() -> None:
            started.set()
            while True:
                thread.pause()

        work = asyncio.create_task(thread.run(steps))
        await asyncio.to_thread(started.wait)
        waits[0] = True
        await asyncio.to_thread(thread.close)
        with pytest.raises(QuietThreadClosed):
            await work

    asyncio.run(run())


def test_more_work_than_may_wait_is_refused() -> None:
    async def run() -> None:
        go = threading.Event()
        thread = QuietThread(lambda: False, limit=2)
        work = [asyncio.create_task(thread.run(go.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await thread.run(lambda: None)
        go.set()
        await asyncio.gather(*work)
        thread.close()

    asyncio.run(run())
