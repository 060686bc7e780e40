"""Metrics of models: batches as they end, and the state of each model at each scrape."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.inference import BatchRecord
from models.runtime.model_info import ModelInfo, ModelStatus
from service.telemetry.metrics.requests import ITEMS_BUCKETS, SECONDS_BUCKETS

if TYPE_CHECKING:
    from models.runtime.runtime import Runtime


class BatchMetrics:
    """Observer of the runtime. Many threads call it, and the session of each is idle meanwhile."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._size = Histogram(
            "kernelsight_batch_size", "Items in a batch that a session ran.", ["model"],
            buckets=ITEMS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._releases = Counter(
            "kernelsight_batch_releases", "Batches that ran, by why they were no larger.", ["model", "reason"],
            registry=registry,
        )  # fmt: skip
        self._wait = Histogram(
            "kernelsight_queue_wait_seconds", "Time that a request waits for a session.", ["model", "priority"],
            buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "kernelsight_session_seconds", "Time that a session takes for one batch.",
            ["model", "version", "provider", "backend", "precision"], buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._failures = Counter(
            "kernelsight_session_failures", "Batches that a session raised on.", ["model"], registry=registry
        )

    def observe(self, model_info: ModelInfo, record: BatchRecord) -> None:
        failures = self._failures.labels(model_info.id)  # exists at 0 before the first failure: an alert needs the step
        if record.failed:
            failures.inc()
            return
        self._size.labels(model_info.id).observe(record.size)
        self._releases.labels(model_info.id, record.release_reason).inc()
        self._seconds.labels(
            model_info.id, model_info.version, model_info.provider, model_info.backend, model_info.precision
        ).observe(record.run_seconds)
        for priority, seconds in record.waits:
            self._wait.labels(model_info.id, priority).observe(seconds)


class ModelCollector(Collector):
    """Reads the runtime at each scrape."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    def collect(self) -> Iterable[Metric]:
        statuses = self._runtime.statuses()
        yield from _queue_metrics(statuses)
        yield from _session_metrics(statuses)
        yield from _model_metrics(statuses)


def _queue_metrics(statuses: list[ModelStatus]) -> Iterable[Metric]:
    depth = GaugeMetricFamily(
        "kernelsight_queue_depth", "Requests that wait for a session.", labels=["model", "priority"]
    )
    oldest = GaugeMetricFamily(
        "kernelsight_queue_oldest_seconds", "How long the first request in line has waited.", labels=["model"]
    )
    for status in statuses:
        oldest.add_metric([status.model_info.id], status.oldest_seconds)
        for priority, waiting in status.waiting.items():
            depth.add_metric([status.model_info.id, priority], waiting)
    return depth, oldest


def _session_metrics(statuses: list[ModelStatus]) -> Iterable[Metric]:
    lanes = GaugeMetricFamily("kernelsight_lanes", "Sessions, by what they do now.", labels=["model", "state"])
    respawns = CounterMetricFamily(
        "kernelsight_lane_respawns", "Sessions replaced because they died or hung.", labels=["model"]
    )
    for status in statuses:
        lanes.add_metric([status.model_info.id, "busy"], status.busy)
        lanes.add_metric([status.model_info.id, "free"], status.workers - status.busy)
        respawns.add_metric([status.model_info.id], status.respawns)
    return lanes, respawns


def _model_metrics(statuses: list[ModelStatus]) -> Iterable[Metric]:
    names = ["id", "version", "sha256", "provider", "backend", "precision"]
    info = GaugeMetricFamily("kernelsight_model_info", "1 for each loaded model.", labels=names)
    seconds = GaugeMetricFamily(
        "kernelsight_model_load_seconds", "Time that loading and warming took.", labels=["model"]
    )
    size = GaugeMetricFamily("kernelsight_model_bytes", "Size of the graph's file.", labels=["model"])
    for status in statuses:
        info.add_metric([str(getattr(status.model_info, name)) for name in names], 1)
        seconds.add_metric([status.model_info.id], status.load_seconds)
        size.add_metric([status.model_info.id], status.model_info.bytes)
    return info, seconds, size
