"""Work on the idle thread rests while a client is_busy, and ends with the service."""

import asyncio
import os
import threading

import pytest

from models.errors import Overloaded
from service.monitoring.kernel_health.idle_thread import IdleThread, IdleThreadClosed


def test_work_rests_while_a_client_waits_and_then_goes_on() -> None:
    async def run() -> tuple[bool, str]:
        is_busy = [True]
        thread = IdleThread(lambda: is_busy[0])
        work = asyncio.create_task(thread.run(lambda: "done"))
        await asyncio.wait({work}, timeout=0.3)
        rested = not work.done()
        is_busy[0] = False
        done = await work
        thread.close()
        return rested, done

    rested, result = asyncio.run(run())
    assert rested
    assert result == "done"


def test_only_the_idle_thread_has_the_lowest_priority() -> None:
    async def run() -> int:
        thread = IdleThread(lambda: False)
        priority = await thread.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        thread.close()
        return priority

    assert asyncio.run(run()) == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


def test_closing_ends_work_at_its_next_pause() -> None:
    async def run() -> None:
        started = threading.Event()
        is_busy = [False]
        thread = IdleThread(lambda: is_busy[0])

        def steps() -> None:
            started.set()
            while True:
                thread.pause()

        work = asyncio.create_task(thread.run(steps))
        await asyncio.to_thread(started.wait)
        is_busy[0] = True
        await asyncio.to_thread(thread.close)
        with pytest.raises(IdleThreadClosed):
            await work

    asyncio.run(run())


def test_calls_over_the_limit_are_refused() -> None:
    async def run() -> None:
        go = threading.Event()
        thread = IdleThread(lambda: False, limit=2)
        work = [asyncio.create_task(thread.run(go.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await thread.run(lambda: None)
        go.set()
        await asyncio.gather(*work)
        thread.close()

    asyncio.run(run())
