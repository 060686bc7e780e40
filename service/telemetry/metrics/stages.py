"""Metrics of pipeline stages: time that each request spends in each."""

from prometheus_client import CollectorRegistry, Histogram

from pipelines.findings import Observation
from pipelines.registry import PIPELINES
from service.telemetry.metrics.requests import DOCUMENT_SECONDS_BUCKETS, current_exemplar

ALL_PIPELINES = "all"  # the label `pipeline` of `decode` and `total`, which belong to no pipeline
OTHER_STAGE = "other"

# Any other stage counts as `other`, which keeps the set of labels closed.
STAGES = frozenset({"decode", "total"}).union(*(spec.stages for spec in PIPELINES.values()))


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
