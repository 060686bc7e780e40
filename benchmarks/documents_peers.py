"""Compares OCR with other libraries: same pages, same cores, in one run.

    python benchmarks/documents_peers.py IMAGES [--rounds 3] [--most 40] [--at-once 4]

IMAGES is a folder of page images. RapidOCR (`pip install rapidocr==3.10.0`, the same nets) takes part when it is
installed in this environment: with its defaults, and with an engine of one thread for each core, which read side by
side. Measured is the way from decoded pixels to lines with their words. KernelSight reads as many pages at once as its
pipeline does. Each group of pages goes to all contenders in turn, so that a machine whose speed drifts favours nobody;
of each group the median of the rounds counts. All may use all cores.
"""

import argparse
import asyncio
import importlib
import importlib.util
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, median
from time import perf_counter, process_time

import numpy as np

from models.registry import Catalog
from models.runtime.backends.onnxruntime import read_metadata
from models.runtime.runtime import Runtime
from models.store.store import Store
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.recogniser import read_alphabet
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.stages import Pixels
from pipelines.image.decode import ImageLimits, decode
from pipelines.run_context import RunContext
from service.settings import load_settings

MODELS = ("ppocr-v6-det-small", "ppocr-v2-cls", "ppocr-v6-rec-small")

Contender = Callable[[Sequence[Pixels]], Awaitable[object]]
Times = dict[str, tuple[float, float]]  # by contender: seconds on the clock, and of all cores


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=DocumentLimits().max_concurrent_pages)
    options = parser.parse_args()
    files = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    files = files[:: max(1, len(files) // options.most)][: options.most]
    store, pool = Store(load_settings().models.store.expanduser()), CpuPool()
    runtime = Runtime(store, device="cpu")
    try:
        contenders = {"kernelsight": await open_kernelsight(store, runtime, pool), **open_peers()}
        pages = [np.asarray(decode(path.read_bytes(), limits=ImageLimits()).pixels.convert("RGB")) for path in files]
        groups = [pages[first : first + options.at_once] for first in range(0, len(pages), options.at_once)]
        times = [await measure_in_turn(contenders, group, options.rounds) for group in groups]
    finally:
        await runtime.close()
        pool.close()
    print(f"{len(pages)} pages of {mean(page.size / 3 for page in pages) / 1e6:.2f} megapixels on average")
    for name in contenders:
        seconds, work = (sum(one[name][part] for one in times) / len(pages) for part in (0, 1))
        print(f"{name:26}  {seconds:6.2f} s a page  {60 / seconds:6.1f} pages a minute  {work:6.2f} s of cores")


async def open_kernelsight(store: Store, runtime: Runtime, pool: CpuPool) -> Contender:
    reader = await open_reader(store, runtime, pool)
    return lambda pages: asyncio.gather(*(reader.read(page, RunContext()) for page in pages))


async def open_reader(store: Store, runtime: Runtime, pool: CpuPool) -> OcrReader:
    catalog = Catalog.load()
    manifests = [catalog.get(name) for name in MODELS]
    for manifest in manifests:
        await runtime.open(manifest)
    characters = read_alphabet(read_metadata(store.graph(manifests[-1])))
    return OcrReader.of(
        *manifests, alphabet=characters, used=(), infer=runtime.infer, infer_many=runtime.infer_many, pool=pool
    )


def open_peers() -> dict[str, Contender]:
    if importlib.util.find_spec("rapidocr") is None:
        return {}
    cores = len(os.sched_getaffinity(0))
    return {
        "rapidocr": open_rapidocr(engines=1),
        f"rapidocr, {cores} side by side": open_rapidocr(engines=cores, threads=1),
    }


def open_rapidocr(*, engines: int, threads: int = -1) -> Contender:
    """Each engine in a thread of its own; with -1 `threads` it takes its own number of threads."""
    params = {"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": threads}
    local, pool = threading.local(), ThreadPoolExecutor(engines)

    def read(page: Pixels) -> object:
        if not hasattr(local, "engine"):
            local.engine = importlib.import_module("rapidocr").RapidOCR(params=params)
        return local.engine(page[:, :, ::-1], return_word_box=True)

    loop = asyncio.get_running_loop()
    return lambda pages: asyncio.gather(*(loop.run_in_executor(pool, read, page) for page in pages))


async def measure_in_turn(contenders: dict[str, Contender], pages: Sequence[Pixels], rounds: int) -> Times:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, read in contenders.items():
            started, worked = perf_counter(), process_time()
            await read(pages)
            times[name].append((perf_counter() - started, process_time() - worked))
    return {name: (median(clock for clock, _ in own), median(cores for _, cores in own)) for name, own in times.items()}


if __name__ == "__main__":
    asyncio.run(main())
