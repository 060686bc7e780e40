"""Measures how much of a fragmented heap a large picture gives back. Run as a program, which has a heap of its own.

python -m tests.pipelines.fragmented_memory  →  mebibytes
"""

import asyncio
from pathlib import Path

from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode

BLOCK, BLOCKS, KEPT = 2**18, 800, 20  # bytes of a block; one of so many is kept, so that none goes back by itself
LARGE = (5_000, 4_000)


def resident_mebibytes() -> int:
    [line] = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def main() -> None:
    data, pool = encode(Image.new("RGB", LARGE), "PNG"), CpuPool(threads=1)
    engine = Engine([FakePipeline()], pool=pool, limits=ImageLimits())
    blocks = [bytearray(BLOCK) for _ in range(BLOCKS)]
    kept = blocks[::KEPT]
    del blocks
    before = resident_mebibytes()
    asyncio.run(engine.run(data, {"features": NoOptions()}))
    print(before - resident_mebibytes(), flush=True)
    pool.close()
    assert len(kept) == BLOCKS // KEPT


if __name__ == "__main__":
    main()
