"""Pixels become arrays without a second copy beside them, in this process and in confined ones."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits
from pipelines.image.decoders import Decoders
from pipelines.image.pixel_arrays import to_array
from tests.pipelines.images import encode, photograph

LARGE = (5000, 4000)
PIXELS = LARGE[0] * LARGE[1]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(90, 60), (1, 2**19), (2**19, 1), (701, 901)])
def test_an_array_has_the_pixels_of_its_image(mode: str, size: tuple[int, int]) -> None:
    image = photograph("cat").convert("RGBA").resize(size).convert(mode)

    assert np.array_equal(to_array(image), np.asarray(image))


def test_a_confined_process_keeps_one_kind_of_pixels_at_a_time() -> None:
    data = encode(Image.linear_gradient("L").resize(LARGE).convert("F"), "TIFF", compression="tiff_lzw")

    async def peak_growth() -> int:
        """Bytes a pixel, of which its values take 4, its colours 4 and the reply 3."""
        pool = CpuPool(threads=1)
        decoders = Decoders(pool)
        try:
            await decoders.warm()
            [process] = decoders.process_ids
            before = peak_bytes(process)
            await decoders.decode(data, limits=ImageLimits())
            return (peak_bytes(process) - before) // PIXELS
        finally:
            decoders.close()
            pool.close()

    assert asyncio.run(peak_growth()) <= 11  # 14 with a copy in pieces, and buffers that stay


def peak_bytes(process: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text("ascii"))
    assert found
    return int(found[1]) * 1024
