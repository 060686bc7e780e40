"""Metrics of the process."""

import asyncio
import threading

from prometheus_client import CollectorRegistry

from models.runtime.backends.onnxruntime import RUNTIME_VERSION
from pipelines.confinement.process import ProcessDeaths, ProcessDied, ProcessTooSlow
from pipelines.cpu_pool import CpuPool
from service.telemetry.metrics.process import BuildCollector, DecoderCollector, PoolCollector
from tests.service.telemetry.metrics.reading import series, value


def test_the_build_names_version_python_and_onnxruntime() -> None:
    registry = CollectorRegistry()
    registry.register(BuildCollector("cpu"))

    [(labels, sample)] = series(registry, "build_info")
    assert sorted(labels) == ["device", "onnxruntime", "python", "version"]
    assert labels["onnxruntime"] == RUNTIME_VERSION
    assert labels["device"] == "cpu"
    assert sample == 1


def test_a_saturated_pool_shows_its_waiting_calls() -> None:
    pool, registry, started, may_end = (
        CpuPool(threads=2),
        CollectorRegistry(),
        threading.Semaphore(0),
        threading.Event(),
    )
    registry.register(PoolCollector(pool))

    def work() -> None:
        started.release()
        assert may_end.wait(60)

    def read_pool() -> list[float | None]:
        busy, free = (value(registry, "pool_threads", state=state) for state in ("busy", "free"))
        return [busy, free, value(registry, "pool_waiting", priority="interactive")]

    async def scenario() -> list[list[float | None]]:
        before = read_pool()
        calls = [asyncio.create_task(pool.run(work)) for _ in range(3)]
        for _ in range(2):
            assert await asyncio.to_thread(started.acquire, timeout=60)
        during = read_pool()
        may_end.set()
        await asyncio.gather(*calls)
        return [before, during]

    found = asyncio.run(scenario())
    pool.close()

    before, during = found
    assert before == [0, 4, 0]  # two of each priority
    assert during == [2, 2, 1]
    assert read_pool() == [0, 4, 0]


def test_ended_decoders_are_counted_by_kind_and_reason() -> None:
    registry, deaths = CollectorRegistry(), ProcessDeaths()
    registry.register(DecoderCollector({"image": deaths, "pdf": ProcessDeaths()}))

    for cause in (ProcessDied(), ProcessTooSlow(), ProcessDied()):
        deaths.count(cause)

    assert value(registry, "decoder_deaths_total", decoder="image", reason="died") == 2
    assert value(registry, "decoder_deaths_total", decoder="image", reason="late") == 1
    assert value(registry, "decoder_deaths_total", decoder="pdf", reason="died") == 0
