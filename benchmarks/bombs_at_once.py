"""Measures the service's resident memory while it answers fourteen of the most expensive images at once.

    python -m benchmarks.bombs_at_once [--pixels 63000000] [--route /v1/features]

Each file is of a few megabytes at the most, and has about as many pixels as are allowed: float and CMYK TIFFs, PNGs
with alpha and deep grey, progressive JPEGs, lossless WebPs and so on. Linux only: memory is read from /proc, for the
service and its children; memory that they share counts once.
"""

import argparse
import asyncio
import io
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
from PIL import Image

from tests.serving import Service, serving

CALLERS, LIMIT_MEGABYTES = 14, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=63_000_000)
    parser.add_argument("--route", default="/v1/features")
    options = parser.parse_args()
    bombs = list(draw_bombs(int(options.pixels**0.5)))
    with serving(encoder_cache="0") as service:
        asyncio.run(measure(service, bombs, options.route))


def draw_bombs(side: int) -> Iterator[tuple[str, bytes]]:
    """Kind and bytes."""
    grey = Image.linear_gradient("L").resize((side, side))
    rgb, rgba = (Image.merge(mode, (grey,) * len(mode)) for mode in ("RGB", "RGBA"))
    yield "PNG, alpha", write(rgba, "PNG", compress_level=1)
    yield "PNG, grey and alpha", write(rgba.convert("LA"), "PNG", compress_level=1)
    yield "PNG, deep", write(Image.fromarray(np.asarray(grey).astype(np.uint16) * 256), "PNG", compress_level=1)
    yield "PNG, palette and alpha", write(rgb.quantize(64), "PNG", compress_level=1, transparency=1)
    yield "TIFF, float", write(grey.convert("F"), "TIFF", compression="tiff_lzw")
    yield "TIFF, integer", write(grey.convert("I"), "TIFF", compression="tiff_lzw")
    yield "TIFF, CMYK", write(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "JPEG, progressive", write(rgb, "JPEG", progressive=True, subsampling=0)
    yield "JPEG, progressive CMYK", write(rgb.convert("CMYK"), "JPEG", progressive=True)
    yield "GIF", write(rgb.quantize(64), "GIF")
    yield "WebP", write(rgb, "WEBP", method=0)
    yield "WebP, lossless", write(Image.new("RGBA", (side, side), (9, 90, 200, 128)), "WEBP", method=0, lossless=True)
    yield "AVIF", write(rgb, "AVIF", speed=10)
    yield "AVIF, 4:4:4 and alpha", write(rgba, "AVIF", speed=10, subsampling="4:4:4")


def write(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


async def measure(service: Service, bombs: list[tuple[str, bytes]], route: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(300)) as session:
        await post(session, service.url + route, write(Image.new("RGB", (640, 480)), "JPEG"))
        idle = resident_megabytes(service.process.pid)
        memory = [idle]
        watching = asyncio.create_task(watch(service.process.pid, memory))
        started = time.perf_counter()
        sent = [bombs[number % len(bombs)] for number in range(CALLERS)]
        answers = await asyncio.gather(*(post(session, service.url + route, data) for _, data in sent))
        seconds = time.perf_counter() - started
        watching.cancel()
    for (kind, data), (status, after) in zip(sent, answers, strict=True):
        print(f"{kind:24} {len(data) / 1e6:5.1f} MB  {status}  after {after:5.1f} s")
    print(f"{dict(Counter(status for status, _ in answers))} in {seconds:.1f} s")
    growth = max(memory) - idle
    verdict = "pass" if growth <= LIMIT_MEGABYTES else "FAIL"
    print(f"resident: idle {idle:.0f} MB, at the most {max(memory):.0f} MB, {growth:.0f} MB more")
    print(f"{verdict}: at most {LIMIT_MEGABYTES} MB above idle")


async def post(session: aiohttp.ClientSession, url: str, data: bytes) -> tuple[int, float]:
    """Status, and seconds until the answer."""
    started = time.perf_counter()
    form = aiohttp.FormData()
    form.add_field("file", data, filename="file")
    async with session.post(url, data=form) as reply:
        await reply.read()
        return reply.status, time.perf_counter() - started


async def watch(process: int, memory: list[float]) -> None:
    while True:
        memory.append(await asyncio.to_thread(resident_megabytes, process))
        await asyncio.sleep(0.02)


def resident_megabytes(process: int) -> float:
    return sum(map(proportional_megabytes, [process, *children_of(process)]))


def children_of(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task").glob("*/children")
    direct = [int(one) for file in listed for one in file.read_text().split()]
    return direct + [further for one in direct for further in children_of(one)]


def proportional_megabytes(process: int) -> float:
    """0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    main()
