"""What becomes a record. The event loop only gathers references, a thread does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson

from models.priority import Priority
from pipelines.documents.types import Document
from pipelines.findings import Observation, made_at
from pipelines.moderation.text_pipeline import JudgedText
from pipelines.moderation.types import Moderation
from pipelines.run_context import Stage
from pipelines.types import GroupScore, ImageInfo, ModelUsed, Tag
from service.monitoring.audit.record import DocumentKept, FacesKept
from service.telemetry.request_context import RequestContext

_ANSWERS = ("moderation", "features", "faces", "document", "explain", "sanitize", "avatar")
_MOST_LETTERS = 200  # of why a signal could not judge
_PICTURES = {"preview": None, "explanations": None}


@dataclass(frozen=True, slots=True)
class Draft:
    """Frozen parts of an answer, none of which has pixels."""

    result_id: str
    context: RequestContext | None
    priority: Priority
    pipelines: list[str]
    models: list[ModelUsed]
    stages: Sequence[Stage]
    withheld: list[str] | None = None
    image: ImageInfo | None = None
    characters: int | None = None
    moderation: Moderation | None = None
    features: tuple[list[Tag], list[GroupScore]] | None = None
    faces: FacesKept | None = None
    document: Document | None = None

    @classmethod
    def of(cls, seen: Observation, context: RequestContext | None) -> "Draft":
        found = seen.findings
        judged = found.moderation
        if judged is not None and (judged.preview or judged.explanations):
            judged = judged.model_copy(update=_PICTURES)
        return cls(
            result_id=found.result_id,
            context=context,
            priority=seen.priority,
            pipelines=[name for name in _ANSWERS if getattr(found, name) is not None],
            models=found.models,
            stages=seen.stages,
            withheld=found.withheld,
            image=found.image,
            moderation=judged,
            features=(found.features.tags, found.features.groups) if found.features else None,
            faces=FacesKept.of(found.faces) if found.faces else None,
            document=_without_pictures(found.document) if found.document else None,
        )

    @classmethod
    def of_text(cls, judged: JudgedText, context: RequestContext | None) -> "Draft":
        return cls(
            result_id=judged.result_id,
            context=context,
            priority=judged.priority,
            pipelines=["moderation"],
            models=[],
            stages=[Stage("total", perf_counter(), judged.timings["total"])],
            characters=judged.characters,
            moderation=judged.moderation,
        )

    @property
    def at(self) -> float:
        """Unix seconds."""
        at = made_at(self.result_id)
        assert at is not None  # it was made here
        return at

    def line(self) -> bytes:
        """A `Record` as JSON, its id first. Written from dicts: models would take three times as long."""
        fields = {
            "result_id": self.result_id,
            "at": self.at,
            **_who(self.context),
            "priority": self.priority,
            "pipelines": self.pipelines,
            "withheld": self.withheld,
            "image": self.image,
            "characters": self.characters,
            "models": self.models,
            "moderation": _decision(self.moderation) if self.moderation else None,
            "features": _features(*self.features) if self.features else None,
            "faces": self.faces,
            "document": DocumentKept.of(self.document) if self.document else None,
            "stages": spans_of(self.stages),
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return orjson.dumps(known, default=vars)


def spans_of(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """`Span`s by name, in the order of their beginnings."""
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


def _without_pictures(document: Document) -> Document:
    if not any(page.picture for page in document.pages):
        return document
    pages = [page.model_copy(update={"picture": None}) for page in document.pages]
    return document.model_copy(update={"pages": pages})


def _who(context: RequestContext | None) -> dict[str, Any]:
    names = ("request_id", "trace_id", "job_id", "operation")
    return {name: getattr(context, name) for name in names} if context else {}


def _decision(found: Moderation) -> dict[str, Any]:
    """Without the evidence, which may have text in it."""
    names = ("verdict", "severity", "rules", "policy", "policy_version", "policy_sha256", "tenant")
    signals = {
        name: {
            "scores": one.scores,
            "detector": one.detector,
            "version": one.version,
            "error": one.error[:_MOST_LETTERS] if one.error else None,
        }
        for name, one in found.signals.items()
    }
    return {name: getattr(found, name) for name in names} | {"signals": signals}


def _features(tags: list[Tag], groups: list[GroupScore]) -> dict[str, Any]:
    return {"tags": [{"label": one.label, "group": one.group, "score": one.score} for one in tags], "groups": groups}
