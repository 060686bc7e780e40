"""Measures what overload does: open-loop load on `kernelsight serve` at 80 % of its capacity, and at four times of it.

    python benchmarks/overload.py [--seconds 20] [--path /v1/features] [--image FILE]

The service runs on a free port of this machine, on the same cores as the load. Capacity is what eight clients in a
closed loop get. Then requests are sent at random times, at the rate asked for, whether earlier ones were answered or
not. The encoder's cache is off, because the same image is sent again and again. Prints one JSON line a step.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp
import skimage.data
from PIL import Image

PHOTOGRAPH = "coffee"
CLIENTS = 8
HEALTH_SECONDS = 0.25  # between two looks at /healthz and /readyz
FORM = {"Content-Type": "multipart/form-data; boundary=load"}
MAX_OPEN = 4000  # requests at once, so that a service that never refuses does not exhaust this process


@dataclass
class Measured:
    accepted: list[float] = field(default_factory=list)  # seconds
    refused: list[float] = field(default_factory=list)
    retry_after: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)
    memory_mb: list[int] = field(default_factory=list)
    seconds: float = 0.0  # until the last answer
    cpu_seconds: float = 0.0  # of the service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--path", default="/v1/features")
    parser.add_argument("--image", type=Path)
    asyncio.run(run(parser.parse_args()))


async def run(options: argparse.Namespace) -> None:
    with TemporaryDirectory() as folder:
        image = options.image.read_bytes() if options.image else _draw_photograph(Path(folder))
        server, url = _start_service(folder)
        try:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:
                await _wait_until_ready(session, url)
                load = Load(session, url, options.path, _encode_form(image), server.pid)
                await load.closed_loop(5.0)  # warms up
                before = await load.closed_loop(options.seconds)
                capacity = len(before.accepted) / before.seconds
                _print("capacity, eight clients", before)
                for share in (0.8, 4.0, 0.8):
                    _print(
                        f"{share:g} times that",
                        await load.open_loop(capacity * share, options.seconds),
                    )
        finally:
            server.terminate()
            server.wait()


@dataclass
class Load:
    session: aiohttp.ClientSession
    url: str
    path: str
    body: bytes
    process: int

    async def closed_loop(self, seconds: float) -> Measured:
        measured, end = Measured(), perf_counter() + seconds

        async def client() -> None:
            while perf_counter() < end:
                await self._send(measured)

        began, cpu = perf_counter(), self._read_cpu_seconds()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        measured.seconds, measured.cpu_seconds = perf_counter() - began, self._read_cpu_seconds() - cpu
        return measured

    async def open_loop(self, rate: float, seconds: float) -> Measured:
        """Requests at the times of a Poisson process."""
        measured, cpu = Measured(), self._read_cpu_seconds()
        watch = asyncio.create_task(self._watch(measured))
        sending: set[asyncio.Task[None]] = set()
        start = due = perf_counter()
        while due < start + seconds:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            if len(sending) < MAX_OPEN:
                task = asyncio.create_task(self._send(measured))
                sending.add(task)
                task.add_done_callback(sending.discard)
            due += random.expovariate(rate)
        await asyncio.gather(*sending)
        measured.seconds, measured.cpu_seconds = perf_counter() - start, self._read_cpu_seconds() - cpu
        watch.cancel()
        return measured

    async def _send(self, measured: Measured) -> None:
        began = perf_counter()
        try:
            async with self.session.post(self.url + self.path, data=self.body, headers=FORM) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            name = type(error).__name__
            measured.failed[name] = measured.failed.get(name, 0) + 1
            return
        seconds = perf_counter() - began
        if reply.status == 200:
            measured.accepted.append(seconds)
        elif reply.status == 429:
            measured.refused.append(seconds)
            measured.retry_after.append(float(reply.headers["Retry-After"]))
        else:
            measured.failed[str(reply.status)] = measured.failed.get(str(reply.status), 0) + 1

    def _read_cpu_seconds(self) -> float:
        """Of the service's process, which nothing else on the machine changes much."""
        user, system = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    async def _watch(self, measured: Measured) -> None:
        while True:
            for path in ("/healthz", "/readyz"):
                began = perf_counter()
                async with self.session.get(self.url + path) as reply:
                    await reply.read()
                measured.health.append(perf_counter() - began)
            status = await asyncio.to_thread(Path(f"/proc/{self.process}/status").read_text)
            measured.memory_mb.append(int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024)
            await asyncio.sleep(HEALTH_SECONDS)


def _print(step: str, measured: Measured) -> None:
    rounded = {
        "step": step,
        "accepted_per_second": round(len(measured.accepted) / measured.seconds, 1),
        "cpu_ms_each": round(measured.cpu_seconds / max(1, len(measured.accepted)) * 1e3, 1),
        "accepted_ms": _percentiles(measured.accepted),
        "refused": len(measured.refused),
        "refused_ms": _percentiles(measured.refused),
        "retry_after": sorted(set(measured.retry_after)),
        "health_ms_max": round(max(measured.health, default=0) * 1e3),
        "memory_mb": [min(measured.memory_mb, default=0), max(measured.memory_mb, default=0)],
        "failed": measured.failed,
    }
    print(json.dumps(rounded), flush=True)


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {name: round(cuts[at] * 1e3, 1) for name, at in (("p50", 49), ("p95", 94), ("p99", 98))}


def _encode_form(image: bytes) -> bytes:
    """Once, because the load takes its time from the same cores."""
    head = 'Content-Disposition: form-data; name="file"; filename="image.jpg"\r\nContent-Type: image/jpeg'
    return b"--load\r\n" + head.encode() + b"\r\n\r\n" + image + b"\r\n--load--\r\n"


def _draw_photograph(folder: Path) -> bytes:
    path = folder / "photograph.jpg"
    Image.fromarray(getattr(skimage.data, PHOTOGRAPH)()).save(path, quality=85)
    return path.read_bytes()


def _start_service(folder: str) -> tuple[subprocess.Popen[str], str]:
    own = {
        name: f"{folder}/{name.lower()}" for name in ("QUEUE_DATA", "FILES", "AUDIT", "REFERENCES", "CANARY_ANSWERS")
    }
    own |= {"ENCODER_CACHE": "0", "CANARY_SECONDS": "0", "LOG_LEVEL": "WARNING"}
    environment = os.environ | {f"KERNELSIGHT_{name}": value for name, value in own.items()}
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    if found is None:
        raise SystemExit("the service did not start; run: kernelsight serve")
    return server, found.group()


async def _wait_until_ready(session: aiohttp.ClientSession, url: str) -> None:
    while True:
        async with session.get(f"{url}/readyz") as reply:
            if reply.status == 200:
                return
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
