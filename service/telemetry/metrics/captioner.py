"""Metrics of the captioner: its calls by outcome, and how long they took."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from service.telemetry.metrics.requests import DOCUMENT_SECONDS_BUCKETS, current_exemplar

NOT_CALLED = ("cached", "withheld", "no-copy")


class CaptionerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "kernelsight_captioner_requests", "Descriptions asked for, by what became of them.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "kernelsight_captioner_seconds", "Time that a call of the captioner took.",
            buckets=DOCUMENT_SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip

    def observe(self, outcome: str, seconds: float) -> None:
        self._requests.labels(outcome).inc()
        if outcome not in NOT_CALLED:
            self._seconds.observe(seconds, current_exemplar())
