"""What watching costs: requests per second of `features` with the observers off and on, in turn in one run.

    python benchmarks/metrics_cost.py [--watch metrics quality records spans] [--rounds 20] [--concurrency 8]

Both sides are the same engine and sessions; off, what watches them hears nothing. Each ratio is of two neighbours in
time, and every other round has them the other way round, so a machine whose speed drifts does not matter. A machine's
noise is larger than what is measured here, so the processor time that observers take is added up as well: that is the
figure to go by (spans and records are written by threads whose time only the ratio has). The encoder's cache is off,
for the images are sent again and again.
"""

import argparse
import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from typing import Any, cast

import skimage.data
import uvloop
from PIL import Image
from prometheus_client import CollectorRegistry

from models.inference import BatchRecord
from models.runtime.model_info import ModelInfo
from pipelines.engine import Engine
from pipelines.findings import Observation, Observer
from service.components import Components, open_components
from service.monitoring.feedback.aggregator import open_feedback
from service.monitoring.quality.factory import open_quality
from service.operations.operation import OperationRequest
from service.operations.registry import FEATURES
from service.settings import MonitoringSettings, RuntimeSettings, Settings, TelemetrySettings
from service.telemetry.metrics import Metrics
from service.telemetry.metrics.models import BatchMetrics
from service.telemetry.request_context import RequestContext, bind_request
from service.telemetry.tracing import NoopTracing, Span, Tracing, open_tracing, record_stages, use_span

PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")
ROUTE = "/v1/features"

Open = Callable[[Components], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def drawing(components: Components) -> AsyncIterator[None]:
    components.engine.add_observer(record_stages)
    yield


# What can be switched on, by name: each is opened on a house, and has the engine tell it what is seen.
WATCHES: dict[str, Open] = {
    "metrics": lambda components: components.metrics.measure(components.engine),
    "quality": open_quality,
    "records": open_feedback,
    "spans": drawing,
}


@dataclass
class Switch:
    """Whether anything is heard, and what hearing it took so far, in seconds of processor time."""

    is_on: bool = False
    seconds: float = 0.0
    tracing: Tracing = field(default_factory=NoopTracing)

    def span(self) -> Span:
        return (self.tracing if self.is_on else NoopTracing()).begin("POST", "server", {})

    def time(self, work: Callable[[], None]) -> None:
        if self.is_on:
            started = thread_time()
            work()
            self.seconds += thread_time() - started


@dataclass
class Switched:
    """An engine for those who watch it: they hear of what the real one sees while the switch is on."""

    engine: Engine
    switch: Switch

    def watch(self, observer: Observer) -> None:
        def hear(seen: Observation) -> None:
            self.switch.time(lambda: observer(seen))

        self.engine.add_observer(hear)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class SwitchedBatches(BatchMetrics):
    def __init__(self, registry: CollectorRegistry, switch: Switch) -> None:
        super().__init__(registry)
        self._switch = switch

    def observe(self, model_info: ModelInfo, record: BatchRecord) -> None:
        self._switch.time(lambda: super(SwitchedBatches, self).observe(model_info, record))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watch", nargs="+", choices=WATCHES, default=["metrics"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    metrics, switch = Metrics(), Switch()
    if "metrics" in options.watch:
        metrics.batches = SwitchedBatches(CollectorRegistry(), switch)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        settings = Settings(
            runtime=RuntimeSettings(encoder_cache=0),
            monitoring=MonitoringSettings(audit=f"{folder}/audit", references=Path(folder) / "references"),
        )
        if "spans" in options.watch:
            endpoint = stack.enter_context(collector())
            switch.tracing = open_tracing(Settings(telemetry=TelemetrySettings(otel_endpoint=endpoint)), "api")
            stack.callback(switch.tracing.close)
        components = await stack.enter_async_context(open_components(settings, metrics, only=("features",)))
        watched = replace(components, engine=cast(Engine, Switched(components.engine, switch)))
        for name in options.watch:
            await stack.enter_async_context(WATCHES[name](watched))
        await measure(components, switch, options)


async def measure(components: Components, switch: Switch, options: argparse.Namespace) -> None:
    images = [jpeg(name) for name in PHOTOGRAPHS]
    await requests(components, switch, images, options)  # what is made once is made before
    rates: dict[bool, list[float]] = {False: [], True: []}
    answered = 0
    switch.seconds = 0.0
    for number in range(options.rounds):
        for is_on in (False, True) if number % 2 else (True, False):
            switch.is_on = is_on
            count, seconds = await requests(components, switch, images, options)
            rates[is_on].append(count / seconds)
            answered += count * is_on
    ratios = [on / off for on, off in zip(rates[True], rates[False], strict=True)]
    low, _, high = quantiles(ratios, n=4)
    each = switch.seconds / answered
    print(f"off {median(rates[False]):6.1f} requests/s, on {median(rates[True]):6.1f}, {os.cpu_count()} cores")
    print(f"on / off: median {median(ratios):.4f}, half of the rounds between {low:.4f} and {high:.4f}")
    share = each * median(rates[False]) / (os.cpu_count() or 1)
    print(f"{', '.join(options.watch)}: {each * 1e6:.0f} µs a request, {share:.2%} of what a request has of the cores")


async def requests(
    components: Components, switch: Switch, images: list[bytes], options: argparse.Namespace
) -> tuple[int, float]:
    """How many were answered, and in how many seconds, by clients that ask again as soon as they are answered."""
    count, started = 0, perf_counter()
    end = started + options.seconds

    async def client() -> None:
        nonlocal count
        while perf_counter() < end:
            count += 1
            context = RequestContext(f"req_{count:032x}", "features", f"{count:032x}")
            with bind_request(context), use_span(switch.span()):
                await ask(components, switch, images[count % len(images)])

    await asyncio.gather(*(client() for _ in range(options.concurrency)))
    return count, perf_counter() - started


async def ask(components: Components, switch: Switch, image: bytes) -> None:
    """As a route does."""
    asked = components.metrics.requests
    begun = perf_counter()
    switch.time(asked.begin_request)
    await FEATURES.run(components, OperationRequest({}, image), FEATURES.interactive_limits(components))
    switch.time(lambda: asked.end_request(ROUTE, 200, perf_counter() - begun))


@contextmanager
def collector() -> Iterator[str]:
    """Takes spans in a process of its own, as it would be, and forgets them; its address."""
    there, here = Pipe()
    process = Process(target=collect, args=(there,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{here.recv()}"
    process.kill()


def collect(there: Connection) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    there.send(server.server_port)
    server.serve_forever()


def jpeg(name: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    uvloop.run(main())
