"""Measures what a bulk run adds to the time of its models, and how much it delays clients of a running service.

    python benchmarks/bulk_run.py FOLDER [--images 400] [--rounds 3] [--seconds 15] [--only rate|latency]

FOLDER has images. The raw chain is decoding, preprocessing and sessions in bare threads, one thread and one
single-threaded session a core, with the same signals: for `nsfw` OpenNSFW alone, by default also the encoder with its
objects, codes, and the file's anatomy. It stores nothing and applies no policy. The bulk run is `kernelsight moderate
--output` in a process of its own, from its first row to its last. Both take turns; shares are within a round. Then a
client sends one request at a time to a running service, alone and while a bulk run goes on.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import httpx2
import numpy as np

from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from pipelines.image.decode import Picture, decode
from pipelines.image.preprocess import crop_centre
from pipelines.moderation.domains import DomainLists
from pipelines.moderation.signals import barcodes, file_hygiene, nsfw
from service.components import image_limits, open_catalog, open_store
from service.settings import load_settings

SIGNALS = {"nsfw": ("--signals", "nsfw"), "default": ()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--only", choices=("rate", "latency"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        images = copy_images(options.folder, Path(scratch) / "images", options.images)
        if options.only != "latency":
            compare_rates(images, Path(scratch), options.rounds)
        if options.only != "rate":
            measure_latency(images, Path(scratch), options.seconds)


def copy_images(folder: Path, into: Path, wanted: int) -> list[Path]:
    """The folder's images over and over, each copy with different bytes after the image's end."""
    originals = sorted(path for path in folder.rglob("*") if path.is_file())
    into.mkdir()
    paths = []
    for number in range(wanted):
        original = originals[number % len(originals)]
        paths.append(into / f"{number:06d}{original.suffix}")
        paths[-1].write_bytes(original.read_bytes() + b"#%d" % number)
    return paths


@dataclass(frozen=True)
class ImageCost:
    """Seconds for one image. Where other work shares the machine, only processor time can be compared."""

    time: float
    processor_time: float


def compare_rates(images: list[Path], scratch: Path, rounds: int) -> None:
    for name, signals in SIGNALS.items():
        chain = RawChain(everything=not signals)
        costs = [(chain.measure(images), measure_bulk_run(images, scratch, signals)) for _ in range(rounds)]
        raw_seconds, bulk_seconds = median(raw.time for raw, _ in costs), median(bulk.time for _, bulk in costs)
        shares = [raw.time / bulk.time for raw, bulk in costs]
        processor_shares = [raw.processor_time / bulk.processor_time for raw, bulk in costs]
        print(
            f"{name:8s} raw chain {1 / raw_seconds:6.1f} images/s, bulk run {1 / bulk_seconds:6.1f}: "
            f"{_format_shares(shares)} of the rate, {_format_shares(processor_shares)} by processor time",
            flush=True,
        )


def _format_shares(shares: list[float]) -> str:
    return f"{median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"


def measure_bulk_run(images: list[Path], scratch: Path, signals: tuple[str, ...]) -> ImageCost:
    """From the first row on, when the models are loaded."""
    out = scratch / "out.jsonl"
    marks: list[tuple[int, float, float]] = []  # rows, time, processor time
    with start_bulk_run(images[0].parent, out, signals, "none") as process:
        while process.poll() is None and (not marks or marks[-1][0] < len(images)):
            time.sleep(0.02)
            rows = out.read_bytes().count(b"\n") if out.exists() else 0
            if rows and (not marks or rows > marks[-1][0]):
                marks.append((rows, time.perf_counter(), read_processor_time(process.pid)))
    (first, began, began_at), (last, ended, ended_at) = marks[0], marks[-1]
    assert last == len(images), f"{last} rows for {len(images)} images"
    return ImageCost((ended - began) / (last - first), (ended_at - began_at) / (last - first))


def read_processor_time(process: int) -> float:
    """Seconds, of user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def start_bulk_run(folder: Path, out: Path, signals: tuple[str, ...], polite: str) -> Iterator[subprocess.Popen[bytes]]:
    for path in (out, out.with_name(f".{out.name}.batch.json")):
        path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "service", "moderate", str(folder), "--output", str(out), "--polite", polite]
    process = subprocess.Popen([*command, *signals], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class RawChain:
    """The same signals in bare threads, without a service around them."""

    def __init__(self, *, everything: bool) -> None:
        settings = load_settings()
        catalog, store = open_catalog(settings), open_store(settings)
        self._limits = image_limits(settings)
        self._opennsfw, self._encoder = catalog.get("opennsfw"), catalog.get("efficientnet-lite0")
        self._sessions = [
            (self._open_session(store.graph(self._opennsfw)), self._open_session(store.graph(self._encoder)))
            for _ in range(os.cpu_count() or 1)
        ]
        self._everything = everything

    def measure(self, images: list[Path]) -> ImageCost:
        numbers = count()

        def work(worker: int) -> None:
            while (number := next(numbers)) < len(images):
                self._score(images[number].read_bytes(), *self._sessions[worker])

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(len(self._sessions))]
        started, used = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ImageCost((time.perf_counter() - started) / len(images), (time.process_time() - used) / len(images))

    def _score(self, data: bytes, opennsfw: OnnxRuntimeSession, encoder: OnnxRuntimeSession) -> None:
        picture = decode(data, limits=self._limits)
        whole = nsfw.make_tensor(picture.pixels, (0, 0, *picture.pixels.size), self._opennsfw)
        score = opennsfw.run({self._opennsfw.input.name: whole[None]})["outputs"][0, 1]
        if score >= nsfw.SUSPICIOUS:
            regions = nsfw.split_into_tiles(*picture.pixels.size)
            parts = np.stack([nsfw.make_tensor(picture.pixels, region, self._opennsfw) for region in regions])
            for part in parts:
                opennsfw.run({self._opennsfw.input.name: part[None]})
        if self._everything:
            self._score_other_signals(picture, encoder)

    def _score_other_signals(self, picture: Picture, encoder: OnnxRuntimeSession) -> None:
        encoder.run({self._encoder.input.name: crop_centre(picture.pixels, self._encoder.input)[None]})
        barcodes.score_barcodes(barcodes.find_barcodes(picture.pixels, picture.scale), DomainLists())
        file_hygiene.inspect_file(picture)

    @staticmethod
    def _open_session(graph: Path) -> OnnxRuntimeSession:
        return OnnxRuntimeSession(graph, device="cpu", threads=1)


def measure_latency(images: list[Path], scratch: Path, seconds: float) -> None:
    blobs = [path.read_bytes() for path in images]
    with start_service() as http:
        time_requests(http, blobs, 3.0)  # the first requests fill caches
        alone = p95(time_requests(http, blobs, seconds))
        print(f"alone                     p95 {alone * 1e3:6.1f} ms")
        for polite in ("idle", "low", "none"):
            out = scratch / "out.jsonl"
            with start_bulk_run(images[0].parent, out, (), polite):
                while not out.exists() or not out.read_bytes():
                    time.sleep(0.05)
                before, started = out.read_bytes().count(b"\n"), time.perf_counter()
                beside = p95(time_requests(http, blobs, seconds))
                rows = [json.loads(line) for line in out.read_bytes().splitlines()[before:-1]]
                rate = len(rows) / (time.perf_counter() - started)
            print(
                f"bulk, --polite {polite:7s} p95 {beside * 1e3:6.1f} ms, {beside / alone:.2f} times; "
                f"the bulk run did {rate:.1f} images/s beside it",
                flush=True,
            )


def time_requests(http: httpx2.Client, blobs: list[bytes], seconds: float) -> list[float]:
    """Seconds of each request of one client, which sends at most ten a second, as a person would."""
    times, end, number = [], time.perf_counter() + seconds, 0
    while (started := time.perf_counter()) < end:
        blob = blobs[number % len(blobs)]
        reply = http.post("/v1/moderations", files={"file": ("image", blob, "application/octet-stream")})
        assert reply.status_code in (200, 413, 415, 422), reply.text
        times.append(time.perf_counter() - started)
        time.sleep(max(0.0, 0.1 - times[-1]))
        number += 1
    return times


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


@contextmanager
def start_service() -> Iterator[httpx2.Client]:
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    environment = os.environ | {"KERNELSIGHT_ENCODER_CACHE": "0"}  # the same images come again and again
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    if found is None:
        raise SystemExit("the service did not start; run: kernelsight serve")
    try:
        with httpx2.Client(base_url=found.group(), timeout=60) as http:
            while http.get("/readyz").status_code != 200:
                time.sleep(0.1)
            yield http
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
