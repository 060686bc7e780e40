"""Metrics of models: their batches, and the state of each."""

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


def test_a_batch_is_counted_with_size_release_reason_time_and_waits(registry: CollectorRegistry) -> None:
    waits: list[tuple[Priority, float]] = [("interactive", 0.25), ("batch", 0.5), ("batch", 1.5)]
    BatchMetrics(registry).observe(SERVED, BatchRecord("tiny", 4, 0.125, waits, "full", failed=False))

    assert value(registry, "batch_size_sum", model="tiny") == 4
    assert series(registry, "batch_releases_total") == [({"model": "tiny", "reason": "full"}, 1)]
    assert series(registry, "session_seconds_sum") == [
        (
            {
                "model": "tiny",
                "version": "3",
                "provider": "CPUExecutionProvider",
                "backend": "onnxruntime",
                "precision": "int8",
            },
            0.125,
        )
    ]
    assert series(registry, "queue_wait_seconds_sum") == [
        ({"model": "tiny", "priority": "interactive"}, 0.25),
        ({"model": "tiny", "priority": "batch"}, 2.0),
    ]


def test_a_failed_batch_counts_only_as_a_failure(registry: CollectorRegistry) -> None:
    record = BatchRecord("tiny", 4, 0.125, [("interactive", 0.25)], "full", failed=True)
    BatchMetrics(registry).observe(SERVED, record)

    assert value(registry, "session_failures_total", model="tiny") == 1
    assert [series(registry, name) for name in ("batch_size_count", "queue_wait_seconds_count")] == [[], []]


def test_the_state_of_models_is_read_from_the_runtime(registry: CollectorRegistry, tmp_path: Path) -> None:
    manifest = make_manifest(write_graph(tmp_path / "tiny.onnx"))
    store, batches = fill_store(tmp_path / "store", manifest), BatchMetrics(registry)

    async def scenario() -> None:
        runtime = Runtime(store, device="cpu", observer=batches.observe)
        await runtime.open(manifest)
        await runtime.infer("tiny", image(1))
        registry.register(ModelCollector(runtime))
        workers = runtime.plan(manifest).workers
        values = {
            name: value(registry, name, model="tiny", **labels)
            for name, labels in (
                ("queue_oldest_seconds", {}), ("lane_respawns_total", {}), ("queue_depth", {"priority": "batch"}),
                ("batch_size_count", {}), ("model_bytes", {}),
            )
        }  # fmt: skip
        size = (tmp_path / "tiny.onnx").stat().st_size
        assert list(values.values()) == [0, 0, 0, 1, size]
        assert sum(count for _, count in series(registry, "lanes")) == workers
        [(labels, _)] = series(registry, "model_info")
        assert labels["id"] == "tiny"
        assert labels["version"] == "1"
        assert labels["provider"] == "CPUExecutionProvider"
        assert (value(registry, "model_load_seconds", model="tiny") or 0) > 0
        await runtime.close()

    asyncio.run(scenario())
