"""Where an image's time went: an observer of the engine."""

from prometheus_client import CollectorRegistry, Histogram

from pipelines.findings import Observation
from service.telemetry.metrics.requests import DOCUMENT_SECONDS, exemplar

WHOLE = "all"  # the pipeline of what is no pipeline's own: `decode` and `total`
OTHER = "other"

# A stage that is not here counts as `other`: labels stay a closed set whatever a pipeline names.
STAGES = frozenset(
    {
        *("decode", "total"),
        *("preprocess", "wait", "session", "postprocess"),
        *("nsfw", "nsfw.preprocess", "nsfw.wait", "nsfw.session"),  # moderation: the signals, and OpenNSFW's own
        *("objects", "known", "codes", "file", "custom", "text"),
        *("detect", "filling", "turned", "measure", "render", "encode"),  # faces, avatars, sanitize
        *("draw", "text_layer", "ocr", "layout", "arrange"),  # documents
    }
)


class StageMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "kernelsight_stage_seconds", "Time that one request spends in one stage.", ["pipeline", "stage"],
            buckets=DOCUMENT_SECONDS, registry=registry,
        )  # fmt: skip

        self._by_name: dict[str, Histogram] = {}  # looking labels up takes as long as counting

    def observe(self, seen: Observation) -> None:
        """An observer of the engine. A stage that came more than once (a document's pages) counts with its sum."""
        origin = exemplar()
        for name, seconds in seen.findings.timings.items():
            histogram = self._by_name.get(name) or self._labelled(name)
            histogram.observe(seconds, origin)

    def _labelled(self, name: str) -> Histogram:
        pipeline, _, stage = name.partition(".") if name not in STAGES else (WHOLE, "", name)
        histogram = self._seconds.labels(pipeline, stage if stage in STAGES else OTHER)
        self._by_name[name] = histogram
        return histogram
