"""Expensive images at once take no more memory than the budget has; it is charged and given back by the engine."""

import asyncio
import subprocess
import sys

import pytest

from models.errors import Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decode_cost import PICTURE_BYTES
from pipelines.pixel_budget import PixelBudget
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode, photograph
from tests.pipelines.test_pixel_budget import holding

BUDGET_MEBIBYTES = 140  # the cost of one of them
CAT = encode(photograph("cat"), "PNG")  # 451 x 300
CAT_BYTES = 451 * 300 * PICTURE_BYTES


def test_fourteen_at_once_take_hardly_more_than_one() -> None:
    command = [sys.executable, "-m", "tests.pipelines.bombs_at_once", str(BUDGET_MEBIBYTES)]

    growth = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)

    assert growth < 100  # without a budget they take 210 to 270


def test_free_memory_goes_back_before_a_large_picture() -> None:
    command = [sys.executable, "-m", "tests.pipelines.fragmented_memory"]

    given_back = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)

    assert given_back > 50  # of 190; otherwise the process grows by 76


def run(budget: PixelBudget, pipeline: FakePipeline, data: bytes = CAT) -> None:
    pool = CpuPool(threads=1)
    try:
        engine = Engine([pipeline], pool=pool, limits=ImageLimits(), budget=budget)
        asyncio.run(engine.run(data, {"features": NoOptions()}))
    finally:
        pool.close()


def test_a_picture_is_charged_while_pipelines_look_at_it() -> None:
    budget, used = PixelBudget(2**30, wait_seconds=0), list[int]()

    async def look(picture: Picture) -> None:
        used.append(budget.used_bytes)

    run(budget, FakePipeline(work=look))

    assert used == [CAT_BYTES]
    assert budget.used_bytes == 0


def test_a_damaged_image_gives_back_its_room() -> None:
    budget = PixelBudget(2**30, wait_seconds=0)

    with pytest.raises(Exception, match="cannot be decoded"):
        run(budget, FakePipeline(), CAT[:2000])

    assert budget.used_bytes == 0


def test_a_failed_pipeline_gives_back_its_room() -> None:
    budget = PixelBudget(2**30, wait_seconds=0)

    async def fail(picture: Picture) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(budget, FakePipeline(work=fail))

    assert budget.used_bytes == 0


def test_a_cancelled_request_gives_back_its_room() -> None:
    budget = PixelBudget(2**30, wait_seconds=0)
    inside = asyncio.Event()

    async def stay(picture: Picture) -> None:
        inside.set()
        await asyncio.Event().wait()

    async def scene() -> int:
        pool = CpuPool(threads=1)
        engine = Engine([FakePipeline(work=stay)], pool=pool, limits=ImageLimits(), budget=budget)
        task = asyncio.create_task(engine.run(CAT, {"features": NoOptions()}))
        await inside.wait()
        during = budget.used_bytes
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        pool.close()
        return during

    assert asyncio.run(scene()) == CAT_BYTES
    assert budget.used_bytes == 0


def test_without_room_a_request_is_refused_before_it_is_decoded() -> None:
    budget, pipeline = PixelBudget(2 * CAT_BYTES, wait_seconds=0), FakePipeline()

    async def scene() -> None:
        pool = CpuPool(threads=1)
        engine = Engine([pipeline], pool=pool, limits=ImageLimits(), budget=budget)
        async with holding(budget, 2 * CAT_BYTES):
            with pytest.raises(Overloaded):
                await engine.run(CAT, {"features": NoOptions()})
        pool.close()

    asyncio.run(scene())

    assert pipeline.seen == []
