"""The result of running a golden set, and how it differs from the previous run."""

from collections.abc import Iterable

from pydantic import Field

from pipelines.types import ModelUsed, WireModel


class CanaryAnswer(WireModel):
    """One pipeline's answer to one image. `right` is null where it could not be judged because the service was busy."""

    image: str
    pipeline: str
    right: bool | None
    answer: str = Field(description="verdict and rules, best tag, number of faces, or text")
    wrong: list[str] = Field(default_factory=list, description="what is not as expected")
    flipped: bool = Field(
        default=False, description="the last run answered something else, or was right where this is not"
    )
    before: str | None = Field(default=None, description="the previous run's answer, where this one flipped")


class CanaryResult(WireModel):
    """`accuracy` by pipeline: the share of judged answers that are right."""

    set: str
    ran_at: float = Field(description="seconds since 1970")
    seconds: float
    accuracy: dict[str, float]
    flips: int
    models: list[ModelUsed]
    answers: list[CanaryAnswer]

    @property
    def passed(self) -> bool:
        return all(one.right is not False for one in self.answers)


def build_result(
    name: str,
    answers: Iterable[CanaryAnswer],
    models: Iterable[ModelUsed],
    before: CanaryResult | None,
    *,
    ran_at: float,
    seconds: float,
) -> CanaryResult:
    """`before` is the previous run, against which flips are found."""
    previous = {(one.image, one.pipeline): one for one in (before.answers if before else ())}
    marked = [_mark_flip(one, previous.get((one.image, one.pipeline))) for one in answers]
    return CanaryResult(
        set=name,
        ran_at=ran_at,
        seconds=round(seconds, 3),
        accuracy=_accuracy_by_pipeline(marked),
        flips=sum(one.flipped for one in marked),
        models=sorted({(one.id, one.sha256): one for one in models}.values(), key=lambda one: one.id),
        answers=marked,
    )


def _mark_flip(answer: CanaryAnswer, before: CanaryAnswer | None) -> CanaryAnswer:
    """An answer that could not be judged, now or before, is no flip."""
    if before is None or answer.right is None or before.right is None:
        return answer
    if (answer.answer, answer.right) == (before.answer, before.right):
        return answer
    return answer.model_copy(update={"flipped": True, "before": before.answer})


def _accuracy_by_pipeline(answers: Iterable[CanaryAnswer]) -> dict[str, float]:
    judged: dict[str, list[bool]] = {}
    for one in answers:
        if one.right is not None:
            judged.setdefault(one.pipeline, []).append(one.right)
    return {pipeline: sum(right) / len(right) for pipeline, right in judged.items()}
