"""HTTP requests: how many, how long, how they ended."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.metrics.buckets import DOCUMENT_SECONDS
from service.metrics.exemplars import exemplar


class RequestMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "kernelsight_requests", "HTTP requests answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "kernelsight_request_seconds", "From the first byte in to the last byte out.", ["route"],
            buckets=DOCUMENT_SECONDS, registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge("kernelsight_requests_in_flight", "HTTP requests being worked on.", registry=registry)
        self._rejects = Counter(
            "kernelsight_rejects", "Requests, attempts at jobs, and lines of batches that ended in a problem.",
            ["problem"], registry=registry,
        )  # fmt: skip

    def started(self) -> None:
        self._in_flight.inc()

    def ended(self, route: str, status: int, seconds: float) -> None:
        self._in_flight.dec()
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds, exemplar())

    def rejected(self, problem: str) -> None:
        self._rejects.labels(problem).inc()
