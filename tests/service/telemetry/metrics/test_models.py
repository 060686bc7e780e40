"""What is told of models: how their batches went, and how it stands with each."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.inference import BatchRecord
from models.priority import Priority
from models.runtime.model_info import ModelInfo
from models.runtime.runtime import Runtime
from service.telemetry.metrics.models import BatchMetrics, ModelCollector
from tests.models.tiny_graphs import fill_store, image, make_manifest, write_graph
from tests.service.telemetry.metrics.reading import series, value

SERVED = ModelInfo("tiny", 3, "0" * 64, "CPUExecutionProvider", "int8", 1000)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_batch_counts_with_its_size_release_time_and_waits(registry: CollectorRegistry) -> None:
    waits: list[tuple[Priority, float]] = [("interactive", 0.25), ("batch", 0.5), ("batch", 1.5)]
    BatchMetrics(registry).observe(SERVED, BatchRecord("tiny", 4, 0.125, waits, "full", failed=False))

    assert (value(registry, "batch_size_sum", model="tiny"), series(registry, "batch_releases_total")) == (
        4, [({"model": "tiny", "reason": "full"}, 1)],
    )  # fmt: skip
    assert series(registry, "session_seconds_sum") == [
        ({"model": "tiny", "version": "3", "provider": "CPUExecutionProvider"}, 0.125)
    ]
    assert series(registry, "queue_wait_seconds_sum") == [
        ({"model": "tiny", "priority": "interactive"}, 0.25),
        ({"model": "tiny", "priority": "batch"}, 2.0),
    ]


def test_a_batch_that_fails_counts_as_that_alone(registry: CollectorRegistry) -> None:
    record = BatchRecord("tiny", 4, 0.125, [("interactive", 0.25)], "full", failed=True)
    BatchMetrics(registry).observe(SERVED, record)

    assert value(registry, "session_failures_total", model="tiny") == 1
    assert [series(registry, name) for name in ("batch_size_count", "queue_wait_seconds_count")] == [[], []]


def test_models_are_told_of_from_the_runtime_that_serves_them(registry: CollectorRegistry, tmp_path: Path) -> None:
    manifest = make_manifest(write_graph(tmp_path / "tiny.onnx"))
    store, batches = fill_store(tmp_path / "store", manifest), BatchMetrics(registry)

    async def scenario() -> None:
        runtime = Runtime(store, device="cpu", observer=batches.observe)
        await runtime.open(manifest)
        await runtime.infer("tiny", image(1))
        registry.register(ModelCollector(runtime))
        lanes = runtime.plan(manifest).workers
        told = {
            name: value(registry, name, model="tiny", **labels)
            for name, labels in (
                ("queue_oldest_seconds", {}), ("lane_respawns_total", {}), ("queue_depth", {"priority": "batch"}),
                ("batch_size_count", {}), ("model_bytes", {}),
            )
        }  # fmt: skip
        size = (tmp_path / "tiny.onnx").stat().st_size
        assert list(told.values()) == [0, 0, 0, 1, size]
        assert sum(count for _, count in series(registry, "lanes")) == lanes
        [(labels, _)] = series(registry, "model_info")
        assert (labels["id"], labels["version"], labels["provider"]) == ("tiny", "1", "CPUExecutionProvider")
        assert (value(registry, "model_load_seconds", model="tiny") or 0) > 0
        await runtime.close()

    asyncio.run(scenario())
