"""How much of the machine the runtime leaves to the model: bare sessions against the whole runtime."""

import asyncio
import threading
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Literal

import numpy as np

from models.manifest import Manifest
from models.runtime.runtime import Runtime
from models.runtime.session import Array, Session
from models.runtime.session_worker import Plan, stack
from models.store.store import Store

CONCURRENCIES = (1, 2, 4, 8, 16, 64)


@dataclass(frozen=True)
class Row:
    concurrency: int
    rate: float  # images per second, median over the rounds
    share: float  # of the raw rate in the same round, median over the rounds
    p50_seconds: float
    p95_seconds: float


@dataclass(frozen=True)
class Result:
    device: str
    plan: Plan
    raw_rate: float
    rows: list[Row]


def bench(
    manifest: Manifest, store: Store, *, device: Literal["auto", "cpu", "cuda"], seconds: float, rounds: int
) -> Result:
    """Measures in turn, round by round: a machine whose speed drifts does not favour either side."""
    return asyncio.run(_bench(manifest, store, device, seconds, rounds))


async def _bench(
    manifest: Manifest, store: Store, device: Literal["auto", "cpu", "cuda"], seconds: float, rounds: int
) -> Result:
    runtime = Runtime(store, device=device)
    await runtime.open(manifest)
    plan = runtime.plan(manifest)
    graph = store.graph(manifest)
    sessions = [Session(graph, device=runtime.device, threads=plan.threads) for _ in range(plan.lanes)]
    item = _item(manifest)
    raw: list[float] = []
    rates: dict[int, list[float]] = {one: [] for one in CONCURRENCIES}
    latencies: dict[int, list[float]] = {one: [] for one in CONCURRENCIES}
    for _ in range(rounds):
        raw.append(await asyncio.to_thread(_raw_rate, sessions, stack([item] * plan.batch), plan.batch, seconds))
        for concurrency in CONCURRENCIES:
            started = perf_counter()
            times = await _through_runtime(runtime, manifest, item, concurrency, seconds)
            rates[concurrency].append(len(times) / (perf_counter() - started))
            latencies[concurrency] += times
    await runtime.close()
    rows = [
        Row(
            one,
            median(rates[one]),
            median(rate / base for rate, base in zip(rates[one], raw, strict=True)),
            median(latencies[one]),
            quantiles(latencies[one], n=20)[18],
        )
        for one in CONCURRENCIES
    ]
    return Result(runtime.device, plan, median(raw), rows)


def _raw_rate(sessions: list[Session], feeds: dict[str, Array], batch: int, seconds: float) -> float:
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


async def _through_runtime(
    runtime: Runtime, manifest: Manifest, item: dict[str, Array], concurrency: int, seconds: float
) -> list[float]:
    """Seconds per request, from so many clients that ask again as soon as they are answered."""
    times: list[float] = []
    end = perf_counter() + seconds

    async def client() -> None:
        while (started := perf_counter()) < end:
            await runtime.infer(manifest.id, item)
            times.append(perf_counter() - started)

    await asyncio.gather(*(client() for _ in range(concurrency)))
    return times


def _item(manifest: Manifest) -> dict[str, Array]:
    noise = np.random.default_rng(0).integers(0, 256, manifest.input.item_shapes[0])
    return {manifest.input.name: noise.astype(manifest.input.dtype)}
