"""What Prometheus sees. Prefix `kernelsight_`, base units, closed label sets."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from models.lane import BatchRecord
from models.runtime import Runtime

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """All instruments of one process, in a registry of their own: nothing is global, so tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "kernelsight_requests", "HTTP requests answered.", ["route", "status"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "kernelsight_request_seconds", "From the first byte in to the last byte out.", ["route"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            "kernelsight_requests_in_flight", "HTTP requests being worked on.", registry=self.registry
        )
        self._rejects = Counter(
            "kernelsight_rejects", "Requests that ended in a problem, by its type.", ["problem"], registry=self.registry
        )
        self._stage_seconds = Histogram(
            "kernelsight_stage_seconds", "Time that one image spends in one stage.", ["pipeline", "stage"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._batch_size = Histogram(
            "kernelsight_batch_size", "Items in a batch that a session ran.", ["model"],
            buckets=_BATCH, registry=self.registry,
        )  # fmt: skip
        self._session_seconds = Histogram(
            "kernelsight_session_seconds", "Time that a session takes for one batch.", ["model"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._session_failures = Counter(
            "kernelsight_session_failures", "Batches that a session raised on.", ["model"], registry=self.registry
        )

    def observe_batch(self, record: BatchRecord) -> None:
        """The runtime's observer."""
        if record.failed:
            self._session_failures.labels(record.model).inc()
            return
        self._batch_size.labels(record.model).observe(record.size)
        self._session_seconds.labels(record.model).observe(record.run_seconds)

    def observe_timings(self, timings: Mapping[str, float]) -> None:
        """An answer's timings: `decode`, `total`, and `PIPELINE.STAGE`."""
        for name, seconds in timings.items():
            pipeline, _, stage = name.rpartition(".")
            self._stage_seconds.labels(pipeline or "all", stage).observe(seconds)

    def request_started(self) -> None:
        self._in_flight.inc()

    def request_ended(self, route: str, status: int, seconds: float) -> None:
        self._in_flight.dec()
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def rejected(self, problem: str) -> None:
        self._rejects.labels(problem).inc()

    def watch(self, runtime: Runtime, info: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        """Add what is read from the runtime at each scrape; `info` gives the labels of each loaded model."""
        self.registry.register(_RuntimeCollector(runtime, info))

    def render(self) -> bytes:
        return generate_latest(self.registry)


class _RuntimeCollector(Collector):
    def __init__(self, runtime: Runtime, info: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        self._runtime, self._info = runtime, info

    def collect(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily(
            "kernelsight_queue_depth", "Requests that wait for a session.", labels=["model", "priority"]
        )
        for (model, priority), waiting in self._runtime.depths().items():
            depth.add_metric([model, priority], waiting)
        respawns = CounterMetricFamily(
            "kernelsight_lane_respawns", "Sessions replaced because they died or hung.", labels=["model"]
        )
        for model, count in self._runtime.respawns().items():
            respawns.add_metric([model], count)
        names = ["id", "version", "sha256", "device"]
        info = GaugeMetricFamily("kernelsight_model_info", "1 for each loaded model.", labels=names)
        for facts in self._info():
            info.add_metric([facts[name] for name in names], 1)
        return depth, respawns, info
