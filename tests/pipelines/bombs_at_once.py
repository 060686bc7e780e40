"""Fourteen expensive images at once through an engine, under a budget or without one; run as a program.

python -m tests.pipelines.bombs_at_once MEBIBYTES  →  MiB beyond one after the other; 0: no budget
"""

import asyncio
import sys

from PIL import Image
from pydantic import BaseModel

from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits, Picture
from pipelines.pixel_budget import PixelBudget
from pipelines.run_context import RunContext
from pipelines.types import Features
from tests.pipelines.fakes import FEATURES, FakePipeline, NoOptions
from tests.pipelines.image.bombs import peak_mebibytes
from tests.pipelines.images import encode

CALLERS, SIDE = 14, 2500
ANSWERED_SECONDS = 600.0  # far more than it takes


def draw_bombs() -> list[bytes]:
    grey = Image.linear_gradient("L").resize((SIDE, SIDE))
    rgba = Image.merge("RGBA", (grey,) * 4)
    return [
        encode(rgba, "PNG", compress_level=1),
        encode(grey.convert("F"), "TIFF", compression="tiff_lzw"),
        encode(rgba.convert("RGB"), "WEBP", method=0),
        encode(rgba.convert("RGB"), "JPEG", progressive=True, subsampling=0),
        encode(rgba.convert("RGB"), "AVIF", speed=10),
    ]


class Crowd(FakePipeline):
    """Holds each picture until all other callers hold one or wait for room, and keeps none."""

    budget = PixelBudget.unlimited()
    outside = 0  # callers without a picture, those that wait included

    async def run(self, picture: Picture, options: BaseModel, context: RunContext) -> Features:
        self.outside -= 1
        while self.outside > self.budget.waiting:
            await asyncio.sleep(0.01)
        return FEATURES


async def measure(mebibytes: int) -> int:
    """Growth of the peak over that of the same images one after the other."""
    bombs, pool, crowd = draw_bombs(), CpuPool(threads=2), Crowd()
    if mebibytes:
        crowd.budget = PixelBudget(mebibytes * 2**20, wait_seconds=ANSWERED_SECONDS)
    engine = Engine([crowd], pool=pool, limits=ImageLimits(), budget=crowd.budget)
    for bomb in bombs:  # memory that the first of a kind loads is not the bombs' fault
        crowd.outside = 1
        await engine.run(bomb, {"features": NoOptions()})
    before, crowd.outside = peak_mebibytes(), CALLERS
    await asyncio.gather(
        *(engine.run(bombs[number % len(bombs)], {"features": NoOptions()}) for number in range(CALLERS))
    )
    pool.close()
    return peak_mebibytes() - before


if __name__ == "__main__":
    print(asyncio.run(measure(int(sys.argv[1]))))
