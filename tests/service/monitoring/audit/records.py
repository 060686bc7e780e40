"""Records as they are written, without an engine."""

import time

from pipelines.findings import new_result_id
from pipelines.moderation.types import FiredRule, Moderation, SignalResult
from pipelines.run_context import Stage
from pipelines.types import GroupScore, ImageInfo, ModelUsed, Tag
from service.monitoring.audit.log import Line
from service.monitoring.audit.record import FacesKept
from service.monitoring.audit.record_builder import Draft
from service.telemetry.request_context import RequestContext

IMAGE = ImageInfo(
    width=640, height=480, format="JPEG", mode="RGB", orientation="landscape", exif_orientation=1, frames=1,
    has_alpha=False, bytes=1234, sha256="ab" * 32,
)  # fmt: skip
USED = ModelUsed(id="some-model", version=2, sha256="cd" * 32)
WEAPON = FiredRule(
    rule="weapon", category="weapon", signal="objects.weapon", score=0.7, threshold=0.5, verdict="review", severity=3
)
JUDGED = Moderation(
    verdict="review", severity=3, rules=[WEAPON], actions=[],
    signals={"objects": SignalResult.of({"weapon": 0.7}, [], detector="some-model", version="2")},
    policy="default", policy_version="1", policy_sha256="ef" * 32, categories={},
)  # fmt: skip
TAGS = [Tag(index=1, wnid="n1", label="rifle", score=0.6, group="weapon")]
GROUPS = [GroupScore(group="weapon", score=0.8)]
STAGES = [Stage("decode", 10.1, 0.1), Stage("moderation.session", 10.4, 0.2), Stage("total", 10.5, 0.5)]


def id_at(at: float) -> str:
    """A result id of that time."""
    return f"res_{round(at * 1000):012x}{new_result_id()[-20:]}"


def draft(*, faces: int = 2, result_id: str | None = None) -> Draft:
    return Draft(
        result_id=result_id or new_result_id(),
        context=RequestContext("req_1", "analyze", "trace1", "job_1"),
        priority="interactive",
        pipelines=["moderation", "features", "faces"],
        models=[USED],
        stages=STAGES,
        image=IMAGE,
        moderation=JUDGED,
        features=(TAGS, GROUPS),
        faces=FacesKept(count=faces, candidates=faces, best_score=0.9 if faces else None, detector="yunet"),
    )


def line(at: float | None = None, *, faces: int = 2) -> tuple[str, Line]:
    """A record's id and its line in a journal."""
    made = draft(result_id=id_at(time.time() if at is None else at), faces=faces)
    return made.result_id, Line(made.at, made.line())
