"""Measures what monitoring costs: requests per second of `features` with the observers off and on, in one run.

    python benchmarks/metrics_cost.py [--watch metrics quality records spans] [--rounds 20] [--concurrency 8]

Both sides use the same engine and sessions; while the switch is off, observers are not called. Each ratio is of two
neighbours in time, and every other round has them in the other order, so that a machine whose speed drifts does not
matter. A machine's noise is larger than the cost, so the processor time of the observers is added up as well: trust
that figure (spans and records are written by threads, whose time only the ratio includes). The encoder's cache is off,
because the same images are sent again and again.
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
from pipelines.findings import Observer
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

OpenMonitor = Callable[[Components], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def open_spans(components: Components) -> AsyncIterator[None]:
    components.engine.add_observer(record_stages)
    yield


# What can be measured, by name: each adds its observers to the engine of the components.
MONITORS: dict[str, OpenMonitor] = {
    "metrics": lambda components: components.metrics.measure(components.engine),
    "quality": open_quality,
    "records": open_feedback,
    "spans": open_spans,
}


@dataclass
class Switch:
    """Whether observers are called, and the processor time that they took so far in seconds."""

    is_on: bool = False
    seconds: float = 0.0
    tracing: Tracing = field(default_factory=NoopTracing)

    def begin_span(self) -> Span:
        return (self.tracing if self.is_on else NoopTracing()).begin("POST", "server", {})

    def time(self, work: Callable[[], None]) -> None:
        if self.is_on:
            started = thread_time()
            work()
            self.seconds += thread_time() - started


@dataclass
class SwitchedEngine:
    """The engine, but observers that are added here are called only while the switch is on."""

    engine: Engine
    switch: Switch

    def add_observer(self, observer: Observer) -> None:
        self.engine.add_observer(lambda observation: self.switch.time(lambda: observer(observation)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class SwitchedBatchMetrics(BatchMetrics):
    def __init__(self, registry: CollectorRegistry, switch: Switch) -> None:
        super().__init__(registry)
        self._switch = switch

    def observe(self, model_info: ModelInfo, record: BatchRecord) -> None:
        self._switch.time(lambda: super(SwitchedBatchMetrics, self).observe(model_info, record))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watch", nargs="+", choices=MONITORS, default=["metrics"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    metrics, switch = Metrics(), Switch()
    if "metrics" in options.watch:
        metrics.batches = SwitchedBatchMetrics(CollectorRegistry(), switch)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        settings = Settings(
            runtime=RuntimeSettings(encoder_cache=0),
            monitoring=MonitoringSettings(audit=f"{folder}/audit", references=Path(folder) / "references"),
        )
        if "spans" in options.watch:
            endpoint = stack.enter_context(run_collector())
            switch.tracing = open_tracing(Settings(telemetry=TelemetrySettings(otel_endpoint=endpoint)), "api")
            stack.callback(switch.tracing.close)
        components = await stack.enter_async_context(open_components(settings, metrics, only=("features",)))
        switched = replace(components, engine=cast(Engine, SwitchedEngine(components.engine, switch)))
        for name in options.watch:
            await stack.enter_async_context(MONITORS[name](switched))
        await measure(components, switch, options)


async def measure(components: Components, switch: Switch, options: argparse.Namespace) -> None:
    images = [encode_jpeg(name) for name in PHOTOGRAPHS]
    await send_requests(components, switch, images, options)  # the first requests also open and cache things
    rates: dict[bool, list[float]] = {False: [], True: []}
    answered = 0
    switch.seconds = 0.0
    for number in range(options.rounds):
        for is_on in (False, True) if number % 2 else (True, False):
            switch.is_on = is_on
            count, seconds = await send_requests(components, switch, images, options)
            rates[is_on].append(count / seconds)
            answered += count * is_on
    ratios = [on / off for on, off in zip(rates[True], rates[False], strict=True)]
    low, _, high = quantiles(ratios, n=4)
    each = switch.seconds / answered
    print(f"off {median(rates[False]):6.1f} requests/s, on {median(rates[True]):6.1f}, {os.cpu_count()} cores")
    print(f"on / off: median {median(ratios):.4f}, half of the rounds between {low:.4f} and {high:.4f}")
    share = each * median(rates[False]) / (os.cpu_count() or 1)
    print(f"{', '.join(options.watch)}: {each * 1e6:.0f} µs a request, {share:.2%} of what a request has of the cores")


async def send_requests(
    components: Components, switch: Switch, images: list[bytes], options: argparse.Namespace
) -> tuple[int, float]:
    """How many requests were answered, and in how many seconds. Each client sends its next one at once."""
    count, started = 0, perf_counter()
    end = started + options.seconds

    async def client() -> None:
        nonlocal count
        while perf_counter() < end:
            count += 1
            context = RequestContext(f"req_{count:032x}", "features", f"{count:032x}")
            with bind_request(context), use_span(switch.begin_span()):
                await run_operation(components, switch, images[count % len(images)])

    await asyncio.gather(*(client() for _ in range(options.concurrency)))
    return count, perf_counter() - started


async def run_operation(components: Components, switch: Switch, image: bytes) -> None:
    """As a route does."""
    request_metrics = components.metrics.requests
    started = perf_counter()
    switch.time(request_metrics.begin_request)
    await FEATURES.run(components, OperationRequest({}, image), FEATURES.interactive_limits(components))
    switch.time(lambda: request_metrics.end_request(ROUTE, 200, perf_counter() - started))


@contextmanager
def run_collector() -> Iterator[str]:
    """The address of a collector in a process of its own, which drops the spans that it receives."""
    sender, receiver = Pipe()
    process = Process(target=serve_collector, args=(sender,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{receiver.recv()}"
    process.kill()


def serve_collector(sender: Connection) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    sender.send(server.server_port)
    server.serve_forever()


def encode_jpeg(name: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    uvloop.run(main())
