"""Measures POST /v1/features on an idle service, and while it reads eight PDFs of 100 pages.

    python -m benchmarks.beside_documents [--rounds 2] [--requests 120] [--documents 8] [--pages 100] [--pause .02]

One caller sends photographs one at a time. The documents' callers hang up as soon as the photographs are done, so that
a round is bounded; how many pages were read meanwhile is taken from the layout model's counter. Rounds alternate, and
the ratio is taken within a round, so that a machine whose speed drifts does not matter.
"""

import argparse
import asyncio
import re
import time
from statistics import median, quantiles

import aiohttp

from benchmarks.documents_pages import draw_document
from benchmarks.http_load import read_images
from tests.serving import Service, serving

MOST_TIMES = 3  # p95 beside documents, in times of that alone, in every round
LAYOUT_ITEMS = re.compile(r'kernelsight_batch_size_sum\{model="picodet[^}]*\} (\S+)')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--requests", type=int, default=120)
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two photographs")
    options = parser.parse_args()
    with serving(encoder_cache="0") as service:  # or the same photographs would be answered from the cache
        asyncio.run(measure(service, options))


async def measure(service: Service, options: argparse.Namespace) -> None:
    photos, document = read_images(None), draw_document(options.pages)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as session:
        await time_photos(session, service.url, photos, 20, 0)
        ratios = []
        for _ in range(options.rounds):
            alone = await time_photos(session, service.url, photos, options.requests, options.pause)
            reading = [
                asyncio.create_task(post(session, f"{service.url}/v1/documents", document, "application/pdf"))
                for _ in range(options.documents)
            ]
            await asyncio.sleep(3)  # until all of them are past their first page
            before, started = await count_pages(session, service.url), time.perf_counter()
            beside = await time_photos(session, service.url, photos, options.requests, options.pause)
            rate = (await count_pages(session, service.url) - before) / (time.perf_counter() - started)
            await hang_up(reading)
            ratios.append(p95(beside) / p95(alone))
            print(f"alone  {describe(alone)}\nbeside {describe(beside)}, p95 {ratios[-1]:.1f} times that alone")
            print(f"{options.documents} documents of {options.pages} pages meanwhile: {rate:.1f} pages/s", flush=True)
    verdict, worst = "pass" if max(ratios) <= MOST_TIMES else "FAIL", f"{max(ratios):.1f} times that alone"
    print(f"{verdict}: p95 beside {options.documents} documents at most {MOST_TIMES} times that alone: {worst}")


async def hang_up(reading: list[asyncio.Task[None]]) -> None:
    for task in reading:
        task.cancel()
    outcomes = await asyncio.gather(*reading, return_exceptions=True)
    for refused in (one for one in outcomes if isinstance(one, SystemExit)):
        print(f"a document was refused: {refused}")
    await asyncio.sleep(2)  # what is under way ends


async def time_photos(
    session: aiohttp.ClientSession, url: str, photos: list[bytes], requests: int, pause: float
) -> list[float]:
    """Milliseconds of each request."""
    times = []
    for number in range(requests):
        started = time.perf_counter()
        await post(session, f"{url}/v1/features", photos[number % len(photos)], "image/jpeg")
        times.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(pause)
    return times


async def post(session: aiohttp.ClientSession, url: str, data: bytes, kind: str) -> None:
    form = aiohttp.FormData()
    form.add_field("file", data, filename="file", content_type=kind)
    async with session.post(url, data=form) as reply:
        body = await reply.read()
        if reply.status != 200:
            raise SystemExit(f"HTTP {reply.status}: {body[:300]!r}")


async def count_pages(session: aiohttp.ClientSession, url: str) -> float:
    async with session.get(f"{url}/metrics") as reply:
        found = LAYOUT_ITEMS.search(await reply.text())
        return float(found[1]) if found else 0.0


def describe(times: list[float]) -> str:
    return f"p50 {median(times):7.1f} ms  p95 {p95(times):7.1f} ms"


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
