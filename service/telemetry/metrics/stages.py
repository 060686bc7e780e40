"""Where an image's time went: an observer of the engine."""

from prometheus_client import CollectorRegistry, Histogram

from pipelines.findings import Observation
from pipelines.registry import PIPELINES
from service.telemetry.metrics.requests import DOCUMENT_SECONDS_BUCKETS, current_exemplar

ALL_PIPELINES = "all"  # the pipeline of what is no pipeline's own: `decode` and `total`
OTHER_STAGE = "other"

# Any other stage counts as `other`: the label is a closed set, whatever a pipeline names.
STAGES = frozenset({"decode", "total"}).union(*(spec.stages for spec in PIPELINES.values()))


class StageMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "kernelsight_stage_seconds", "Time that one request spends in one stage.", ["pipeline", "stage"],
            buckets=DOCUMENT_SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip

        self._by_name: dict[str, Histogram] = {}  # looking labels up takes as long as counting

    def observe(self, seen: Observation) -> None:
        """An observer of the engine. A stage that came more than once (a document's pages) counts with its sum."""
        origin = current_exemplar()
        for name, seconds in seen.findings.timings.items():
            histogram = self._by_name.get(name) or self._labelled(name)
            histogram.observe(seconds, origin)

    def _labelled(self, name: str) -> Histogram:
        pipeline, _, stage = name.partition(".") if name not in STAGES else (ALL_PIPELINES, "", name)
        histogram = self._seconds.labels(pipeline, stage if stage in STAGES else OTHER_STAGE)
        self._by_name[name] = histogram
        return histogram
