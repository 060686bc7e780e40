"""Metrics of requests: number, duration, outcome, and time by stage; and the buckets that other metrics share."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipelines.findings import Observation
from pipelines.registry import PIPELINES
from service.telemetry.request_context import current_request

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

DOCUMENT_SECONDS_BUCKETS = (*SECONDS_BUCKETS, 60, 150, 600)  # a PDF of 200 pages takes minutes

ITEMS_BUCKETS = (1, 2, 4, 8, 16, 32, 64)

MAX_EXEMPLAR_ID_LENGTH = 100  # OpenMetrics allows 128 characters for names and values together

ALL_PIPELINES = "all"  # the label `pipeline` of `decode` and `total`, which belong to no pipeline
OTHER_STAGE = "other"

# Any other stage counts as `other`, which keeps the set of labels closed.
STAGES = frozenset({"decode", "total"}).union(*(spec.stages for spec in PIPELINES.values()))


def current_exemplar() -> dict[str, str] | None:
    """The current request's trace id, else its request id; None outside of requests."""
    context = current_request()
    if context is None:
        return None
    if context.trace_id is not None:
        return {"trace_id": context.trace_id}
    return {"request_id": context.request_id} if len(context.request_id) <= MAX_EXEMPLAR_ID_LENGTH else None


class RequestMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "kernelsight_requests", "HTTP requests answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "kernelsight_request_seconds", "From the first byte in to the last byte out.", ["route"],
            buckets=DOCUMENT_SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge("kernelsight_requests_in_flight", "HTTP requests being worked on.", registry=registry)
        self._rejects = Counter(
            "kernelsight_rejects", "Requests, attempts at jobs, and lines of batches that ended in a problem.",
            ["problem"], registry=registry,
        )  # fmt: skip

    def begin_request(self) -> None:
        self._in_flight.inc()

    def end_request(self, route: str, status: int, seconds: float) -> None:
        self._in_flight.dec()
        self.count_answer(route, status, seconds)

    def count_answer(self, route: str, status: int, seconds: float) -> None:
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds, current_exemplar())

    def count_problem(self, problem: str) -> None:
        self._rejects.labels(problem).inc()


class StageMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "kernelsight_stage_seconds", "Time that one request spends in one stage.", ["pipeline", "stage"],
            buckets=DOCUMENT_SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip

        self._by_name: dict[str, Histogram] = {}  # a label lookup takes as long as counting

    def observe(self, observation: Observation) -> None:
        """Observer of the engine. A stage that ran several times (for a document's pages) counts with its sum."""
        exemplar = current_exemplar()
        for name, seconds in observation.findings.timings.items():
            histogram = self._by_name.get(name) or self._add_labels(name)
            histogram.observe(seconds, exemplar)

    def _add_labels(self, name: str) -> Histogram:
        pipeline, _, stage = name.partition(".") if name not in STAGES else (ALL_PIPELINES, "", name)
        histogram = self._seconds.labels(pipeline, stage if stage in STAGES else OTHER_STAGE)
        self._by_name[name] = histogram
        return histogram
