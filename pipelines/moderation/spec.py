"""The declaration of the pipeline "moderation"."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.drift import SCORE_EDGES, DriftSignal, Measurement, TrackedModels
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.types import Moderation
from pipelines.pipeline import Pipeline
from pipelines.pipeline_spec import AuditSummary, PipelineSpec
from pipelines.resources import PipelineResources

NSFW_SCORE = DriftSignal("nsfw", SCORE_EDGES)
TRACKED_NSFW = TrackedModels(("moderation",), (NSFW_SCORE,))

_DECISION = ("verdict", "severity", "rules", "policy", "policy_version", "policy_sha256", "tenant")
_MAX_ERROR_LENGTH = 200  # characters of why a signal failed


async def _build(resources: PipelineResources) -> Pipeline[ModerationOptions, Moderation]:
    from pipelines.moderation.pipeline import ModerationPipeline

    parts = resources.moderation
    return ModerationPipeline(
        parts.signals, parts.policy, resources.pool, on_request=parts.on_request, frames=parts.frames
    )


def summarise_decision(result: Moderation) -> AuditSummary:
    """The decision without the evidence, which may have text in it, and without previews and overlays."""
    decision, signals = {name: getattr(result, name) for name in _DECISION}, result.signals

    def summary() -> Mapping[str, Any]:
        return decision | {
            "signals": {
                name: {
                    "scores": one.scores,
                    "detector": one.detector,
                    "version": one.version,
                    "error": one.error[:_MAX_ERROR_LENGTH] if one.error else None,
                }
                for name, one in signals.items()
            }
        }

    return summary


def _measure(result: Moderation) -> Iterator[Measurement]:
    scores = [(name, signal.score) for name, signal in result.signals.items() if signal.error is None]
    nsfw = [(NSFW_SCORE, score) for name, score in scores if name == "nsfw"]
    yield Measurement(scores=scores, subject=TRACKED_NSFW if nsfw else None, values=nsfw)


MODERATION = PipelineSpec(
    name="moderation",
    options=ModerationOptions,
    result=Moderation,
    build=_build,
    tasks=("moderation", "encoder"),
    optional_tasks=("moderation-classes",),
    is_selectable=True,
    is_analysis=True,
    is_default=True,
    warm_up=ModerationOptions(),
    canary=ModerationOptions(),
    stages=frozenset(
        {"preprocess", "wait", "session", "postprocess", "fuse", "nsfw", "nsfw.preprocess", "nsfw.wait", "nsfw.session"}
        | {"nsfw_classes", "nsfw_classes.preprocess", "nsfw_classes.wait", "nsfw_classes.session"}
        | {"objects", "known", "codes", "file", "custom", "text", "instructions"}
    ),
    summarise=summarise_decision,
    measure=_measure,
    tracked=(TRACKED_NSFW,),
)
