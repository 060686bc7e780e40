"""Benchmarks the whole runtime against bare sessions: how much of the machine is left to the model."""

import asyncio
import threading
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Literal

import numpy as np

from models.arrays import Array
from models.manifest import Manifest
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.runtime.runtime import Runtime
from models.runtime.session_worker import BatchPlan, stack_items
from models.store.store import Store

CONCURRENCIES = (1, 2, 4, 8, 16, 64)


@dataclass(frozen=True)
class BenchmarkRow:
    concurrency: int
    rate: float  # images per second, median over the rounds
    share: float  # of the raw rate in the same round, median over the rounds
    p50_seconds: float
    p95_seconds: float


@dataclass(frozen=True)
class BenchmarkResult:
    device: str
    plan: BatchPlan
    raw_rate: float
    rows: list[BenchmarkRow]


def run_benchmark(
    manifest: Manifest, store: Store, *, device: Literal["auto", "cpu", "cuda"], seconds: float, rounds: int
) -> BenchmarkResult:
    """Measures in turn, round by round: a machine whose speed drifts does not favour either side."""
    return asyncio.run(_run_rounds(manifest, store, device, seconds, rounds))


async def _run_rounds(
    manifest: Manifest, store: Store, device: Literal["auto", "cpu", "cuda"], seconds: float, rounds: int
) -> BenchmarkResult:
    runtime = Runtime(store, device=device)
    await runtime.open(manifest)
    plan = runtime.plan(manifest)
    graph = store.graph(manifest)
    sessions = [OnnxRuntimeSession(graph, device=runtime.device, threads=plan.threads) for _ in range(plan.workers)]
    item = _noise_item(manifest)
    raw: list[float] = []
    rates: dict[int, list[float]] = {one: [] for one in CONCURRENCIES}
    latencies: dict[int, list[float]] = {one: [] for one in CONCURRENCIES}
    for _ in range(rounds):
        raw.append(
            await asyncio.to_thread(
                _measure_raw_rate, sessions, stack_items([item] * plan.max_batch), plan.max_batch, seconds
            )
        )
        for concurrency in CONCURRENCIES:
            started = perf_counter()
            times = await _time_runtime(runtime, manifest, item, concurrency, seconds)
            rates[concurrency].append(len(times) / (perf_counter() - started))
            latencies[concurrency] += times
    await runtime.close()
    rows = [
        BenchmarkRow(
            one,
            median(rates[one]),
            median(rate / base for rate, base in zip(rates[one], raw, strict=True)),
            median(latencies[one]),
            quantiles(latencies[one], n=20)[18],
        )
        for one in CONCURRENCIES
    ]
    return BenchmarkResult(runtime.device, plan, median(raw), rows)


def _measure_raw_rate(sessions: list[OnnxRuntimeSession], feeds: dict[str, Array], batch: int, seconds: float) -> float:
    """All sessions at once, each in its own thread, with nothing around them."""
    counts = [0] * len(sessions)
    end = perf_counter() + seconds

    def loop(index: int) -> None:
        while perf_counter() < end:
            sessions[index].run(feeds)
            counts[index] += batch

    threads = [threading.Thread(target=loop, args=(index,)) for index in range(len(sessions))]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (perf_counter() - started)


async def _time_runtime(
    runtime: Runtime, manifest: Manifest, item: dict[str, Array], concurrency: int, seconds: float
) -> list[float]:
    """Seconds per request, from `concurrency` clients that ask again as soon as they are answered."""
    times: list[float] = []
    end = perf_counter() + seconds

    async def client() -> None:
        while (started := perf_counter()) < end:
            await runtime.infer(manifest.id, item)
            times.append(perf_counter() - started)

    await asyncio.gather(*(client() for _ in range(concurrency)))
    return times


def _noise_item(manifest: Manifest) -> dict[str, Array]:
    noise = np.random.default_rng(0).integers(0, 256, manifest.input.item_shapes[0])
    return {manifest.input.name: noise.astype(manifest.input.dtype)}
