"""What a batch costs beside its models, and what it costs people who use the service meanwhile.

    python benchmarks/batch.py FOLDER [--images 400] [--rounds 3] [--seconds 15]

FOLDER has images. The raw chain is decoding, preprocessing and sessions in bare threads, one and one single-threaded
session a core, with the same signals: for `nsfw` OpenNSFW alone, by default also the encoder with its objects, codes,
and the file's anatomy; nothing is stored, and no policy asked. The batch is `kernelsight moderate --output` in a
process of its own, from its first row to its last. Both take turns; shares are within a round. Then clients ask a
running service, one request at a time, alone and while a batch runs.
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

from models.runtime.session import Session
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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        images = copies(given.folder, Path(scratch) / "images", given.images)
        if given.only != "latency":
            rates(images, Path(scratch), given.rounds)
        if given.only != "rate":
            latency(images, Path(scratch), given.seconds)


def copies(folder: Path, into: Path, wanted: int) -> list[Path]:
    """The folder's images over and over, each copy with bytes of its own behind its end."""
    originals = sorted(path for path in folder.rglob("*") if path.is_file())
    into.mkdir()
    made = []
    for number in range(wanted):
        original = originals[number % len(originals)]
        made.append(into / f"{number:06d}{original.suffix}")
        made[-1].write_bytes(original.read_bytes() + b"#%d" % number)
    return made


@dataclass(frozen=True)
class Cost:
    """Of one image, in seconds. Where other work shares the machine, processor time is what can be compared."""

    time: float
    processor_time: float


def rates(images: list[Path], scratch: Path, rounds: int) -> None:
    for name, signals in SIGNALS.items():
        chain = RawChain(everything=not signals)
        found = [(chain.cost(images), batch_cost(images, scratch, signals)) for _ in range(rounds)]
        raw, own = median(one.time for one, _ in found), median(one.time for _, one in found)
        shares = [one.time / other.time for one, other in found]
        processor = [one.processor_time / other.processor_time for one, other in found]
        print(
            f"{name:8s} raw chain {1 / raw:6.1f} images/s, batch {1 / own:6.1f}: {_percent(shares)} of the rate, "
            f"{_percent(processor)} by processor time",
            flush=True,
        )


def _percent(shares: list[float]) -> str:
    return f"{median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"


def batch_cost(images: list[Path], scratch: Path, signals: tuple[str, ...]) -> Cost:
    """From the first row on: models are loaded then."""
    out = scratch / "out.jsonl"
    marks: list[tuple[int, float, float]] = []  # rows, time, processor time
    with batch(images[0].parent, out, signals, "none") as process:
        while process.poll() is None and (not marks or marks[-1][0] < len(images)):
            time.sleep(0.02)
            rows = out.read_bytes().count(b"\n") if out.exists() else 0
            if rows and (not marks or rows > marks[-1][0]):
                marks.append((rows, time.perf_counter(), processor_time(process.pid)))
    (first, began, began_at), (last, ended, ended_at) = marks[0], marks[-1]
    assert last == len(images), f"{last} rows for {len(images)} images"
    return Cost((ended - began) / (last - first), (ended_at - began_at) / (last - first))


def processor_time(process: int) -> float:
    """Seconds, of user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def batch(folder: Path, out: Path, signals: tuple[str, ...], polite: str) -> Iterator[subprocess.Popen[bytes]]:
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
    """The same signals without a service around them."""

    def __init__(self, *, everything: bool) -> None:
        settings = load_settings()
        catalog, store = open_catalog(settings), open_store(settings)
        self._limits = image_limits(settings)
        self._opennsfw, self._encoder = catalog.get("opennsfw"), catalog.get("efficientnet-lite0")
        self._lanes = [
            (self._session(store.graph(self._opennsfw)), self._session(store.graph(self._encoder)))
            for _ in range(os.cpu_count() or 1)
        ]
        self._everything = everything

    def cost(self, images: list[Path]) -> Cost:
        numbers = count()

        def work(lane: int) -> None:
            while (number := next(numbers)) < len(images):
                self._judge(images[number].read_bytes(), *self._lanes[lane])

        threads = [threading.Thread(target=work, args=(lane,)) for lane in range(len(self._lanes))]
        started, used = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Cost((time.perf_counter() - started) / len(images), (time.process_time() - used) / len(images))

    def _judge(self, data: bytes, opennsfw: Session, encoder: Session) -> None:
        picture = decode(data, limits=self._limits)
        whole = nsfw.make_tensor(picture.pixels, (0, 0, *picture.pixels.size), self._opennsfw)
        score = opennsfw.run({self._opennsfw.input.name: whole[None]})["outputs"][0, 1]
        if score >= nsfw.SUSPICIOUS:
            regions = nsfw.split_into_tiles(*picture.pixels.size)
            parts = np.stack([nsfw.make_tensor(picture.pixels, region, self._opennsfw) for region in regions])
            for part in parts:
                opennsfw.run({self._opennsfw.input.name: part[None]})
        if self._everything:
            self._rest(picture, encoder)

    def _rest(self, picture: Picture, encoder: Session) -> None:
        encoder.run({self._encoder.input.name: crop_centre(picture.pixels, self._encoder.input)[None]})
        barcodes.score_barcodes(barcodes.find_barcodes(picture.pixels, picture.scale), DomainLists())
        file_hygiene.inspect_file(picture)

    @staticmethod
    def _session(graph: Path) -> Session:
        return Session(graph, device="cpu", threads=1)


def latency(images: list[Path], scratch: Path, seconds: float) -> None:
    blobs = [path.read_bytes() for path in images]
    with service() as http:
        ask(http, blobs, 3.0)  # the first requests pay for caches
        alone = p95(ask(http, blobs, seconds))
        print(f"alone                     p95 {alone * 1e3:6.1f} ms")
        for polite in ("idle", "low", "none"):
            out = scratch / "out.jsonl"
            with batch(images[0].parent, out, (), polite):
                while not out.exists() or not out.read_bytes():
                    time.sleep(0.05)
                before, started = out.read_bytes().count(b"\n"), time.perf_counter()
                beside = p95(ask(http, blobs, seconds))
                rows = [json.loads(line) for line in out.read_bytes().splitlines()[before:-1]]
                rate = len(rows) / (time.perf_counter() - started)
            print(
                f"a batch, --polite {polite:7s} p95 {beside * 1e3:6.1f} ms, {beside / alone:.2f} times; "
                f"the batch made {rate:.1f} images/s beside it",
                flush=True,
            )


def ask(http: httpx2.Client, blobs: list[bytes], seconds: float) -> list[float]:
    """One client, ten times a second at most: people, not a load test."""
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
def service() -> Iterator[httpx2.Client]:
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
