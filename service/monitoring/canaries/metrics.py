"""Canary results in Prometheus."""

from prometheus_client import CollectorRegistry, Gauge

from service.monitoring.canaries.results import CanaryResult


class CanaryMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._accuracy = Gauge(
            "kernelsight_canary_accuracy", "Share of right answers in the last run of a golden set.",
            ["set", "pipeline"], registry=registry,
        )  # fmt: skip
        self._flips = Gauge(
            "kernelsight_canary_flips", "Answers of a golden set that changed between its last two runs.",
            ["set"], registry=registry,
        )  # fmt: skip
        self._last = Gauge(
            "kernelsight_canary_last_run_seconds", "When a golden set was last run, in seconds since 1970.",
            ["set"], registry=registry,
        )  # fmt: skip
        self._seconds = Gauge(
            "kernelsight_canary_run_seconds", "How long a golden set's last run took.", ["set"], registry=registry
        )

    def record(self, result: CanaryResult) -> None:
        for pipeline, accuracy in result.accuracy.items():
            self._accuracy.labels(result.set, pipeline).set(accuracy)
        self._flips.labels(result.set).set(result.flips)
        self._last.labels(result.set).set(result.ran_at)
        self._seconds.labels(result.set).set(result.seconds)
