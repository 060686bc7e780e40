"""The record of one result: enough to say who decided what, on which grounds. No pixels, no text, no URL."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field

from models.waiting import Priority
from pipelines.moderation.texts import JudgedText
from pipelines.pipeline import Stage
from pipelines.result_ids import made_at
from pipelines.seen import Seen
from pipelines.types import ImageInfo, ModelUsed
from service.audit.kept import Decision, DocumentKept, FacesKept, FeaturesKept, Kept
from service.context import RequestContext


class Span(Kept):
    """A stage: when it first began and last ended, seconds after the request, and what its `times` took together."""

    name: str
    began: float
    ended: float
    seconds: float
    times: int = 1


class Record(Kept):
    """`at` is Unix seconds, of the answer. Its id comes first, for by it a line of a journal is found."""

    result_id: str
    at: float
    request_id: str | None = None
    trace_id: str | None = None
    job_id: str | None = None
    operation: str | None = None
    priority: Priority
    pipelines: list[str] = Field(description="that were answered")
    withheld: list[str] | None = None
    image: ImageInfo | None = None
    characters: int | None = Field(default=None, description="of a text that was judged")
    models: list[ModelUsed]
    moderation: Decision | None = None
    features: FeaturesKept | None = None
    faces: FacesKept | None = None
    document: DocumentKept | None = None
    stages: list[Span]


_OF_NOTE: dict[str, Callable[[Any], Kept]] = {
    "moderation": Decision.of,
    "features": FeaturesKept.of,
    "faces": FacesKept.of,
    "document": DocumentKept.of,
}
_ANSWERS = (*_OF_NOTE, "explain", "sanitize", "avatar")


def record_of(seen: Seen, context: RequestContext | None) -> Record:
    """On the event loop, after the answer: no validation, nothing copied that is frozen."""
    found = seen.findings
    answered = {name: answer for name in _ANSWERS if (answer := getattr(found, name)) is not None}
    kept: dict[str, Any] = {name: _OF_NOTE[name](answer) for name, answer in answered.items() if name in _OF_NOTE}
    return Record.model_construct(
        result_id=found.result_id,
        at=_at(found.result_id),
        **_who(context),
        priority=seen.priority,
        pipelines=list(answered),
        withheld=found.withheld,
        image=found.image,
        models=found.models,
        **kept,
        stages=_spans(seen.stages),
    )


def record_of_text(judged: JudgedText, context: RequestContext | None) -> Record:
    total = judged.timings["total"]
    return Record.model_construct(
        result_id=judged.result_id,
        at=_at(judged.result_id),
        **_who(context),
        priority=judged.priority,
        pipelines=["moderation"],
        characters=judged.characters,
        models=[],
        moderation=Decision.of(judged.moderation),
        stages=[Span(name="total", began=0.0, ended=total, seconds=total)],
    )


def _at(result_id: str) -> float:
    at = made_at(result_id)
    assert at is not None  # it was made here
    return at


def _who(context: RequestContext | None) -> dict[str, Any]:
    if context is None:
        return {}
    return {name: getattr(context, name) for name in ("request_id", "trace_id", "job_id", "operation")}


def _spans(stages: Sequence[Stage]) -> list[Span]:
    """By name, in the order of their beginnings."""
    start = min((one.ended - one.seconds for one in stages), default=0.0)
    spans: dict[str, tuple[float, float, float, int]] = {}
    for one in stages:
        began, ended, seconds, times = spans.get(one.name, (one.ended, one.ended, 0.0, 0))
        spans[one.name] = (
            min(began, one.ended - one.seconds), max(ended, one.ended), seconds + one.seconds, times + 1
        )  # fmt: skip
    return [
        Span.model_construct(
            name=name, began=round(began - start, 6), ended=round(ended - start, 6), seconds=round(seconds, 6),
            times=times,
        )
        for name, (began, ended, seconds, times) in sorted(spans.items(), key=lambda one: one[1][0])
    ]  # fmt: skip
