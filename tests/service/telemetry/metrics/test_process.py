"""What a process tells of itself."""

import asyncio
import threading

from prometheus_client import CollectorRegistry

from models.runtime.session import RUNTIME_VERSION
from pipelines.cpu_pool import CpuPool
from service.telemetry.metrics.process import BuildCollector, PoolCollector
from tests.service.telemetry.metrics.reading import series, value


def test_the_build_names_version_python_and_onnxruntime() -> None:
    registry = CollectorRegistry()
    registry.register(BuildCollector("cpu"))

    [(labels, one)] = series(registry, "build_info")
    assert (sorted(labels), labels["onnxruntime"], labels["device"], one) == (
        ["device", "onnxruntime", "python", "version"], RUNTIME_VERSION, "cpu", 1,
    )  # fmt: skip


def test_a_pool_that_is_saturated_shows_it() -> None:
    pool, registry, begun, enough = CpuPool(threads=2), CollectorRegistry(), threading.Semaphore(0), threading.Event()
    registry.register(PoolCollector(pool))

    def work() -> None:
        begun.release()
        assert enough.wait(60)

    def look() -> list[float | None]:
        busy, free = (value(registry, "pool_threads", state=state) for state in ("busy", "free"))
        return [busy, free, value(registry, "pool_waiting", priority="interactive")]

    async def scenario() -> list[list[float | None]]:
        before = look()
        calls = [asyncio.create_task(pool.run(work)) for _ in range(3)]
        for _ in range(2):
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        during = look()
        enough.set()
        await asyncio.gather(*calls)
        return [before, during]

    found = asyncio.run(scenario())
    pool.close()

    assert [*found, look()] == [[0, 2, 0], [2, 0, 1], [0, 2, 0]]
