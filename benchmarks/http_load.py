"""Measures what HTTP and decoding cost: images per second of the model alone, of the engine, and over HTTP.

    python benchmarks/http_load.py [--images FOLDER] [--seconds 4] [--rounds 3] [--concurrency 8]

Starts `kernelsight serve` on a free port of this machine and sends requests to it.
Without --images it uses scikit-image's bundled photographs as JPEGs. Each figure is the median over the rounds; shares
are taken within a round, so that a machine whose speed drifts does not matter. The encoder's cache is off, because the
same images are sent again and again.
"""

import argparse
import asyncio
import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import aiohttp
import httpx2
import skimage.data
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from pipelines.captioning.options import FeaturesOptions
from pipelines.image.decode import decode
from pipelines.image.preprocess import crop_centre, required_shorter_side
from service.components import Components, image_limits, open_components
from service.settings import RuntimeSettings, Settings
from service.telemetry.metrics import Metrics

PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=8)
    asyncio.run(run(parser.parse_args()))


async def run(options: argparse.Namespace) -> None:
    blobs = read_images(options.images)
    settings = Settings(runtime=RuntimeSettings(encoder_cache=0))
    async with open_components(settings, Metrics(), only=("features",)) as components:
        server, url = _start_service()
        try:
            await _measure(components, url, blobs, options)
        finally:
            server.terminate()
            server.wait()


async def _measure(components: Components, url: str, blobs: list[bytes], options: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {}
    latencies: list[float] = []
    for _ in range(options.rounds):
        for name, full in (("model alone", False), ("decode + crop + model, bare threads", True)):
            rates.setdefault(name, []).append(
                await asyncio.to_thread(_run_bare_sessions, components, blobs, options.seconds, full)
            )
        times = await _run_clients(options, lambda index: _run_engine(components, blobs[index % len(blobs)]))
        rates.setdefault("engine (adds colours, tags, prompt)", []).append(
            len(times) / sum(times) * options.concurrency
        )
        async with aiohttp.ClientSession() as session:
            times = await _run_clients(options, lambda index: _post(session, url, blobs[index % len(blobs)]))
        rates.setdefault("HTTP, /v1/features", []).append(len(times) / sum(times) * options.concurrency)
        latencies += times
    _print_table(rates, latencies, options)


def _print_table(rates: dict[str, list[float]], latencies: list[float], options: argparse.Namespace) -> None:
    table = Table("", "images/s", "of the model alone", "of the step above")
    above = rates["model alone"]
    for name, values in rates.items():
        shares = [median(a / b for a, b in zip(values, base, strict=True)) for base in (rates["model alone"], above)]
        table.add_row(name, f"{median(values):.1f}", f"{shares[0]:.0%}", f"{shares[1]:.0%}")
        above = values
    Console(width=100).print(table)
    cuts = quantiles(latencies, n=100)
    print(
        f"HTTP latency at {options.concurrency} at once: p50 {cuts[49] * 1e3:.1f}, p95 {cuts[94] * 1e3:.1f}, "
        f"p99 {cuts[98] * 1e3:.1f} ms; {os.cpu_count()} cores, shared by server and load"
    )


def _run_bare_sessions(components: Components, blobs: list[bytes], seconds: float, full: bool) -> float:
    """One thread and one session per core, no service around them."""
    manifest = components.catalog.get(components.runtime.models[0])
    plan, limits = components.runtime.plan(manifest), image_limits(components.settings)
    graph, side = components.store.graph(manifest), required_shorter_side(manifest.input)
    sessions = [
        OnnxRuntimeSession(graph, device=components.runtime.device, threads=plan.threads) for _ in range(plan.workers)
    ]
    counts = [0] * len(sessions)

    def make_tensor(index: int) -> dict[str, object]:
        picture = decode(blobs[index % len(blobs)], limits=limits, shorter_side=side)
        return {manifest.input.name: crop_centre(picture.pixels, manifest.input)[None]}

    fixed = make_tensor(0)
    end = perf_counter() + seconds

    def loop(worker: int) -> None:
        while perf_counter() < end:
            sessions[worker].run(make_tensor(counts[worker]) if full else fixed)  # type: ignore[arg-type]
            counts[worker] += 1

    threads = [threading.Thread(target=loop, args=(worker,)) for worker in range(len(sessions))]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (perf_counter() - started)


async def _run_clients(options: argparse.Namespace, send: Callable[[int], Awaitable[None]]) -> list[float]:
    """Seconds of each request. Each client sends its next one at once."""
    times: list[float] = []
    end = perf_counter() + options.seconds

    async def client(number: int) -> None:
        while (started := perf_counter()) < end:
            await send(number + len(times))
            times.append(perf_counter() - started)

    await asyncio.gather(*(client(number) for number in range(options.concurrency)))
    return times


async def _run_engine(components: Components, blob: bytes) -> None:
    await components.engine.run(blob, {"features": FeaturesOptions()})


async def _post(session: aiohttp.ClientSession, url: str, blob: bytes) -> None:
    form = aiohttp.FormData()
    form.add_field("file", blob, filename="image.jpg", content_type="image/jpeg")
    async with session.post(f"{url}/v1/features", data=form) as reply:
        body = await reply.read()
        if reply.status != 200:
            raise SystemExit(f"HTTP {reply.status}: {body[:300]!r}")


def _start_service() -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    environment = os.environ | {"KERNELSIGHT_ENCODER_CACHE": "0"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    if found is None:
        raise SystemExit("the service did not start; run: kernelsight serve")
    while httpx2.get(f"{found.group()}/readyz").status_code != 200:
        time.sleep(0.1)
    return server, found.group()


def read_images(folder: Path | None) -> list[bytes]:
    if folder is not None:
        return [
            path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}
        ]
    blobs = []
    for name in PHOTOGRAPHS:
        stream = io.BytesIO()
        Image.fromarray(getattr(skimage.data, name)()).save(stream, "JPEG", quality=90)
        blobs.append(stream.getvalue())
    return blobs


if __name__ == "__main__":
    main()
