"""From a result to its audit record: the event loop only gathers references, a thread does the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import orjson

from models.priority import Priority
from pipelines.findings import Observation, result_time
from pipelines.moderation.spec import summarise_decision
from pipelines.moderation.text_pipeline import ModeratedText
from pipelines.pipeline_spec import AuditSummary
from pipelines.registry import PIPELINES
from pipelines.run_context import StageTiming
from pipelines.types import ImageInfo, ModelUsed
from service.telemetry.request_context import RequestContext


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """The parts of an answer that its record needs, none of which has pixels."""

    result_id: str
    context: RequestContext | None
    priority: Priority
    pipelines: list[str]
    models: list[ModelUsed]
    stages: Sequence[StageTiming]
    withheld: list[str] | None = None
    image: ImageInfo | None = None
    characters: int | None = None
    summaries: Mapping[str, AuditSummary] = field(default_factory=dict)

    @classmethod
    def from_observation(cls, observation: Observation, context: RequestContext | None) -> "RecordDraft":
        found = observation.findings
        summarisers = {name: PIPELINES[name].summarise for name in found.results}
        return cls(
            result_id=found.result_id,
            context=context,
            priority=observation.priority,
            pipelines=[name for name in PIPELINES if name in found.results],
            models=found.models,
            stages=observation.stages,
            withheld=found.withheld,
            image=found.image,
            summaries={name: one(found.results[name]) for name, one in summarisers.items() if one is not None},
        )

    @classmethod
    def from_text(cls, text: ModeratedText, context: RequestContext | None) -> "RecordDraft":
        return cls(
            result_id=text.result_id,
            context=context,
            priority=text.priority,
            pipelines=["moderation"],
            models=[],
            stages=[StageTiming("total", perf_counter(), text.timings["total"])],
            characters=text.characters,
            summaries={"moderation": summarise_decision(text.moderation)},
        )

    @property
    def at(self) -> float:
        """Unix seconds."""
        at = result_time(self.result_id)
        assert at is not None  # this process made the id
        return at

    def to_json(self) -> bytes:
        """An `AuditRecord` as JSON, its id first. Written from dicts: models would take three times as long."""
        fields = {
            "result_id": self.result_id,
            "at": self.at,
            **_context_fields(self.context),
            "priority": self.priority,
            "pipelines": self.pipelines,
            "withheld": self.withheld,
            "image": self.image,
            "characters": self.characters,
            "models": self.models,
            **{name: summary() for name, summary in self.summaries.items()},
            "stages": build_spans(self.stages),
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return orjson.dumps(known, default=vars)


def build_spans(stages: Sequence[StageTiming]) -> list[dict[str, Any]]:
    """`RecordedSpan`s as dicts, one a stage name, in the order in which they began."""
    start = min((one.ended - one.seconds for one in stages), default=0.0)
    spans: dict[str, dict[str, Any]] = {}
    for one in stages:
        began, ended = one.ended - one.seconds - start, one.ended - start
        span = spans.setdefault(
            one.name, {"name": one.name, "began": began, "ended": ended, "seconds": 0.0, "times": 0}
        )
        span["began"], span["ended"] = min(span["began"], began), max(span["ended"], ended)
        span["seconds"] += one.seconds
        span["times"] += 1
    for span in spans.values():
        span |= {name: round(span[name], 6) for name in ("began", "ended", "seconds")}
    return sorted(spans.values(), key=lambda span: span["began"])


def _context_fields(context: RequestContext | None) -> dict[str, Any]:
    names = ("request_id", "trace_id", "job_id", "operation")
    if context is None:
        return {}
    sender = {"key": context.sender.key, "tenant": context.sender.tenant}
    return {name: getattr(context, name) for name in names} | sender
