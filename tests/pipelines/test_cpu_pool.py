"""The pool is bounded, has two priorities, and drops cancelled calls."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from models.errors import Overloaded
from pipelines.cpu_pool import CpuPool, at_priority
from pipelines.run_context import RunContext


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    """One thread; two calls may wait."""
    pool = CpuPool(threads=1, limit=2)
    yield pool
    pool.close()


class Gate:
    """Work that holds its thread until it is let go."""

    def __init__(self) -> None:
        self.entered, self._open = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self._open.wait(60)
        return "through"

    def open(self) -> None:
        self._open.set()


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.wait, 60)


def test_calls_run_in_a_thread_of_the_pool(pool: CpuPool) -> None:
    name = asyncio.run(pool.run(lambda: threading.current_thread().name))

    assert name.startswith("cpu")


def test_arguments_and_results_pass_through(pool: CpuPool) -> None:
    assert asyncio.run(pool.run(divmod, 17, 5)) == (3, 2)


def test_keywords_pass_through(pool: CpuPool) -> None:
    assert asyncio.run(pool.run(sorted, [1, 3, 2], reverse=True)) == [3, 2, 1]


def test_exceptions_propagate_to_the_caller(pool: CpuPool) -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pool.run(divmod, 1, 0))


def test_one_call_too_many_is_refused(pool: CpuPool) -> None:
    gate = Gate()

    async def scene() -> None:
        inside = [asyncio.create_task(pool.run(gate))]
        await entered(gate)
        inside += [asyncio.create_task(pool.run(gate)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match=r"the decoder \(interactive\) has 2 waiting already"):
            await pool.run(str)
        gate.open()
        assert await asyncio.gather(*inside) == ["through"] * 3

    asyncio.run(scene())


def test_a_finished_call_makes_room(pool: CpuPool) -> None:
    async def scene() -> list[int]:
        return [sum(await asyncio.gather(pool.run(abs, -1), pool.run(abs, -2))) for _ in range(5)]

    assert asyncio.run(scene()) == [3] * 5


def test_a_failed_call_makes_room(pool: CpuPool) -> None:
    async def scene() -> str:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await pool.run(divmod, 1, 0)
        return await pool.run(str, 7)

    assert asyncio.run(scene()) == "7"


def test_interactive_calls_do_not_wait_for_batch_calls(pool: CpuPool) -> None:
    gate = Gate()

    async def bulk() -> str:
        with at_priority("batch"):
            return await pool.run(gate)

    async def scene() -> tuple[str, str]:
        batch = asyncio.create_task(bulk())
        await entered(gate)
        person = await pool.run(str, "person")
        gate.open()
        return person, await batch

    assert asyncio.run(scene()) == ("person", "through")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere priorities belong to processes")
def test_the_system_prefers_interactive_calls(pool: CpuPool) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def scene() -> tuple[int, int]:
        with at_priority("batch"):
            batch = await pool.run(niceness)
        return batch, await pool.run(niceness)

    batch, interactive = asyncio.run(scene())

    assert batch > interactive


def test_a_call_cancelled_while_waiting_never_runs(pool: CpuPool) -> None:
    gate, done = Gate(), list[str]()

    async def scene() -> None:
        inside = asyncio.create_task(pool.run(gate))
        await entered(gate)
        waiting = asyncio.create_task(pool.run(done.append, "for nobody"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.open()
        await inside
        await pool.run(done.append, "for somebody")

    asyncio.run(scene())

    assert done == ["for somebody"]


def test_a_cancelled_call_makes_room(pool: CpuPool) -> None:
    gate = Gate()

    async def scene() -> str:
        inside = asyncio.create_task(pool.run(gate))
        await entered(gate)
        waiting = asyncio.create_task(pool.run(str))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        next_one = asyncio.create_task(pool.run(str, "next"))
        await asyncio.sleep(0)
        gate.open()
        await inside
        return await next_one

    assert asyncio.run(scene()) == "next"


def test_the_event_loop_is_not_blocked(pool: CpuPool) -> None:
    gate = Gate()

    async def scene() -> str:
        inside = asyncio.create_task(pool.run(gate))
        await entered(gate)
        asyncio.get_running_loop().call_soon(gate.open)  # never called, if the loop were blocked
        return await inside

    assert asyncio.run(scene()) == "through"


def test_a_context_sums_stage_seconds_of_failed_stages_too() -> None:
    context = RunContext()

    context.add_stage("session", 0.25)
    context.add_stage("session", 0.5)
    with pytest.raises(ZeroDivisionError), context.stage("postprocess"):
        divmod(1, 0)

    assert context.timings["session"] == 0.75
    assert set(context.timings) == {"session", "postprocess"}
