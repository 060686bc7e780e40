"""Audit records made by hand, without an engine."""

import time

from pipelines.findings import new_result_id
from pipelines.moderation.spec import summarise_decision
from pipelines.moderation.types import FiredRule, Moderation, SignalResult
from pipelines.run_context import StageTiming
from pipelines.types import GroupScore, ImageInfo, ModelUsed, Tag
from service.monitoring.audit.log import LogLine
from service.monitoring.audit.record import RecordedFaces, RecordedObjects
from service.monitoring.audit.record_builder import RecordDraft
from service.telemetry.request_context import RequestContext

IMAGE = ImageInfo(
    width=640, height=480, format="JPEG", mode="RGB", orientation="landscape", exif_orientation=1, frames=1,
    has_alpha=False, bytes=1234, sha256="ab" * 32,
)  # fmt: skip
USED = ModelUsed(id="some-model", version=2, sha256="cd" * 32)
WEAPON = FiredRule(
    rule="weapon", category="weapon", signal="objects.weapon", score=0.7, threshold=0.5, verdict="review", severity=3
)
MODERATION = Moderation(
    verdict="review", severity=3, rules=[WEAPON], actions=[],
    signals={"objects": SignalResult.of({"weapon": 0.7}, [], detector="some-model", version="2")},
    policy="default", policy_version="1", policy_sha256="ef" * 32, categories={},
)  # fmt: skip
TAGS = [Tag(index=1, wnid="n1", label="rifle", score=0.6, group="weapon")]
GROUPS = [GroupScore(group="weapon", score=0.8)]
STAGES = [
    StageTiming("decode", 10.1, 0.1),
    StageTiming("moderation.session", 10.4, 0.2),
    StageTiming("total", 10.5, 0.5),
]


def result_id_at(at: float) -> str:
    """A result id whose time is `at`."""
    return f"res_{round(at * 1000):012x}{new_result_id()[-20:]}"


def make_draft(*, faces: int = 2, result_id: str | None = None) -> RecordDraft:
    return RecordDraft(
        result_id=result_id or new_result_id(),
        context=RequestContext("req_1", "analyze", "trace1", "job_1"),
        priority="interactive",
        pipelines=["moderation", "features", "faces"],
        models=[USED],
        stages=STAGES,
        image=IMAGE,
        summaries={
            "moderation": summarise_decision(MODERATION),
            "features": lambda: {
                "tags": [one.model_dump(include={"label", "group", "score"}) for one in TAGS],
                "groups": GROUPS,
            },
            "objects": RecordedObjects(
                counts={"dog": 1, "person": 2}, listed=5, best_score=0.95, detector="tiny"
            ).model_dump,
            "faces": RecordedFaces(
                count=faces, candidates=faces, best_score=0.9 if faces else None, detector="yunet"
            ).model_dump,
        },
    )


def make_line(at: float | None = None, *, faces: int = 2) -> tuple[str, LogLine]:
    """A result id, and the line of its record in an event log."""
    draft = make_draft(result_id=result_id_at(time.time() if at is None else at), faces=faces)
    return draft.result_id, LogLine(draft.at, draft.to_json())
