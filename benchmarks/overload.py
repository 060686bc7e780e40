"""Shows what overload does: open-loop load on `kernelsight serve` at 80 % of its capacity, and at four times of it.

    python -m benchmarks.overload [--seconds 60] [--path /v1/features] [--image FILE]

The service runs on a free port of this machine, on the same cores as the load. Capacity is what eight clients in a
closed loop get. Then requests are sent at random times, at the rate asked for, whether earlier ones were answered or
not. The encoder's cache is off, because the same image is sent again and again, and so are the checks of the models'
kernels, which take a core's time after each start. Prints a line for each requirement,
with pass or FAIL, and a table of the steps.

The load takes its time from the same cores, and more of it at four times the load. So throughput is compared by the
time that the service used or could have used: its own and the idle time of all cores. Latencies are those that the load
sees; how late it is itself is in the table, and where that is more than a few milliseconds, the machine is too busy.
"""

import argparse
import asyncio
import io
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from time import perf_counter

import aiohttp
import skimage.data
import uvloop
from PIL import Image

from tests.serving import Service, serving

PHOTOGRAPH = "coffee"
CLIENTS = 8
SHARES = (0.8, 4.0, 0.8)  # of the capacity, one step after the other
HEALTH_SECONDS = 0.25  # between two looks at /healthz and /readyz
FORM = {"Content-Type": "multipart/form-data; boundary=load"}
MAX_OPEN = 4000  # requests at once, so that a service that never refuses does not exhaust this process

# What has to be shown.
MOST_P99_TIMES = 3  # accepted requests at four times the load, in times of those at 80 %
MOST_REFUSED_SECONDS = 0.05  # p99
LEAST_THROUGHPUT = 0.95  # of the capacity
MOST_HEALTH_SECONDS = 0.2
MOST_GROWTH_MEGABYTES = 32  # from the first to the last quarter of the step


@dataclass
class Measured:
    name: str
    accepted: list[float] = field(default_factory=list)  # seconds
    refused: list[float] = field(default_factory=list)
    retry_after: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)  # seconds that a request was sent after its time
    failed: dict[str, int] = field(default_factory=dict)
    memory_mb: list[int] = field(default_factory=list)
    seconds: float = 0.0  # until the last answer
    core_seconds: float = 0.0  # that the service used or could have used

    @property
    def rate(self) -> float:
        return len(self.accepted) / self.seconds

    @property
    def throughput(self) -> float:
        """Accepted requests for each core-second that was the service's."""
        return len(self.accepted) / self.core_seconds

    @property
    def growth_mb(self) -> float:
        quarter = max(1, len(self.memory_mb) // 4)
        return mean(self.memory_mb[-quarter:]) - mean(self.memory_mb[:quarter])

    def count_failure(self, kind: str) -> None:
        self.failed[kind] = self.failed.get(kind, 0) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--path", default="/v1/features")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    image = options.image.read_bytes() if options.image else _encode_photograph()
    with serving(encoder_cache="0", kernel_check_seconds="0", log_level="WARNING") as service:
        peak, *steps = uvloop.run(run(service, options.path, _encode_form(image), options.seconds))
    print_requirements(peak, *steps)
    print_table([peak, *steps])


async def run(service: Service, path: str, body: bytes, seconds: float) -> list[Measured]:
    """The capacity, and a step for each share of it."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
    ) as session:
        load = Load(session, service.url, path, body, service.process.pid)
        await load.closed_loop(5.0)  # warms up
        peak = await load.closed_loop(seconds)
        return [peak, *[await load.open_loop(share, peak.rate, seconds) for share in SHARES]]


@dataclass(frozen=True)
class Load:
    """Sends the same request again and again, and looks at what the process of the service uses."""

    session: aiohttp.ClientSession
    url: str
    path: str
    body: bytes
    process: int

    async def closed_loop(self, seconds: float) -> Measured:
        measured, end = Measured(f"{CLIENTS} callers in a closed loop"), perf_counter() + seconds

        async def client() -> None:
            while perf_counter() < end:
                await self._send(measured)

        async with self._measuring(measured):
            await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return measured

    async def open_loop(self, share: float, capacity: float, seconds: float) -> Measured:
        """Requests at the times of a Poisson process."""
        measured = Measured(f"{share:g} times that, open loop")
        sending: set[asyncio.Task[None]] = set()
        async with self._measuring(measured):
            due = perf_counter()
            end = due + seconds
            while due < end:
                await asyncio.sleep(max(0.0, due - perf_counter()))
                measured.lateness.append(perf_counter() - due)
                if len(sending) < MAX_OPEN:
                    task = asyncio.create_task(self._send(measured))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
                else:
                    measured.count_failure("not sent")
                due += random.expovariate(share * capacity)
            await asyncio.gather(*sending)
        return measured

    @asynccontextmanager
    async def _measuring(self, measured: Measured) -> AsyncIterator[None]:
        """Also looks at health and memory, which costs the service something in every step."""
        watch = asyncio.create_task(self._watch(measured))
        began, cores = perf_counter(), _idle_seconds() + self._used_seconds()
        yield
        measured.seconds = perf_counter() - began
        measured.core_seconds = _idle_seconds() + self._used_seconds() - cores
        watch.cancel()

    async def _send(self, measured: Measured) -> None:
        began = perf_counter()
        try:
            async with self.session.post(self.url + self.path, data=self.body, headers=FORM) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            measured.count_failure(type(error).__name__)
            return
        seconds = perf_counter() - began
        if reply.status == 200:
            measured.accepted.append(seconds)
        elif reply.status == 429:
            measured.refused.append(seconds)
            measured.retry_after.append(float(reply.headers["Retry-After"]))
        else:
            measured.count_failure(str(reply.status))

    async def _watch(self, measured: Measured) -> None:
        while True:
            for path in ("/healthz", "/readyz"):
                began = perf_counter()
                async with self.session.get(self.url + path) as reply:
                    await reply.read()
                measured.health.append(perf_counter() - began)
                if reply.status != 200:
                    measured.count_failure(f"{path}: {reply.status}")
            status = await asyncio.to_thread(Path(f"/proc/{self.process}/status").read_text)
            measured.memory_mb.append(int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024)
            await asyncio.sleep(HEALTH_SECONDS)

    def _used_seconds(self) -> float:
        """Processor time of the service's process."""
        user, system = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _idle_seconds() -> float:
    """Of all cores together, since the machine was started."""
    idle, waiting = Path("/proc/stat").read_text().split(maxsplit=6)[4:6]
    return (int(idle) + int(waiting)) / os.sysconf("SC_CLK_TCK")


def print_requirements(peak: Measured, usual: Measured, overload: Measured, afterwards: Measured) -> None:
    p99 = percentile(overload.accepted, 99)
    _require(
        f"accepted p99 at most {MOST_P99_TIMES} times that at 80 %",
        p99 / percentile(usual.accepted, 99),
        most=MOST_P99_TIMES,
    )
    _require("refusals' p99 in ms", percentile(overload.refused, 99) * 1e3, most=MOST_REFUSED_SECONDS * 1e3)
    _require(
        "Retry-After in s, of which the least is no less than the accepted p99: what was in progress is done by then",
        min(overload.retry_after, default=0.0),
        least=p99,
    )
    _require("throughput over the capacity", overload.throughput / peak.throughput, least=LEAST_THROUGHPUT)
    _require("growth of the memory in MB", overload.growth_mb, most=MOST_GROWTH_MEGABYTES)
    health = max(max(step.health) for step in (usual, overload, afterwards))
    _require("worst of /healthz and /readyz in ms", health * 1e3, most=MOST_HEALTH_SECONDS * 1e3)
    _require("answers other than 200 and 429", sum(sum(step.failed.values()) for step in (usual, overload)), most=0)


def _require(name: str, found: float, *, least: float = 0.0, most: float = float("inf")) -> None:
    limit = f"at most {most:.3g}" if most < float("inf") else f"at least {least:.3g}"
    print(f"{'pass' if least <= found <= most else 'FAIL'}: {name}: {found:.3g}, {limit}")


def print_table(steps: list[Measured]) -> None:
    """In Markdown."""
    print(
        "\n| load | accepted a second | accepted ms, p50 / p99 | refused a second | refused ms, p50 / p99"
        " | health ms, worst | memory MB | accepted for each core-second | load late by ms, p99 | failed |"
    )
    print("| --- " * 10 + "|")
    for step in steps:
        memory = f"{min(step.memory_mb)} to {max(step.memory_mb)}" if step.memory_mb else ""
        cells = [
            step.name, f"{step.rate:.0f}", _percentiles(step.accepted), f"{len(step.refused) / step.seconds:.0f}",
            _percentiles(step.refused), f"{max(step.health, default=0) * 1e3:.0f}", memory, f"{step.throughput:.1f}",
            f"{percentile(step.lateness, 99) * 1e3:.1f}", str(step.failed or ""),
        ]  # fmt: skip
        print("| " + " | ".join(cells) + " |")


def _percentiles(seconds: list[float]) -> str:
    return f"{percentile(seconds, 50) * 1e3:.0f} / {percentile(seconds, 99) * 1e3:.0f}" if seconds else ""


def percentile(seconds: list[float], percent: int) -> float:
    """0 where there are fewer than two."""
    return quantiles(seconds, n=100, method="inclusive")[percent - 1] if len(seconds) > 1 else 0.0


def _encode_form(image: bytes) -> bytes:
    """Once, because the load takes its time from the same cores."""
    head = 'Content-Disposition: form-data; name="file"; filename="image.jpg"\r\nContent-Type: image/jpeg'
    return b"--load\r\n" + head.encode() + b"\r\n\r\n" + image + b"\r\n--load--\r\n"


def _encode_photograph() -> bytes:
    file = io.BytesIO()
    Image.fromarray(getattr(skimage.data, PHOTOGRAPH)()).save(file, "JPEG", quality=85)
    return file.getvalue()


if __name__ == "__main__":
    main()
