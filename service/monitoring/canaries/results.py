"""What a run of a golden set came to, and how it differs from the run before."""

from collections.abc import Iterable

from pydantic import Field

from pipelines.types import ModelUsed, Wire


class CanaryAnswer(Wire):
    """One pipeline's answer to one image. `right` is null where it could not be judged: the service had no time."""

    image: str
    pipeline: str
    right: bool | None
    answer: str = Field(description="verdict and rules, best tag, number of faces, or text")
    wrong: list[str] = Field(default_factory=list, description="what did not hold")
    flipped: bool = Field(
        default=False, description="the last run answered something else, or was right where this is not"
    )
    before: str | None = Field(default=None, description="what the last run answered, where this one flipped")


class CanaryResult(Wire):
    """`accuracy` is by pipeline: the share of judged answers that are right."""

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


def result_of(
    name: str,
    answers: Iterable[CanaryAnswer],
    models: Iterable[ModelUsed],
    before: CanaryResult | None,
    *,
    ran_at: float,
    seconds: float,
) -> CanaryResult:
    """`before` is the run that flips are told from."""
    last = {(one.image, one.pipeline): one for one in (before.answers if before else ())}
    compared = [_compared(one, last.get((one.image, one.pipeline))) for one in answers]
    return CanaryResult(
        set=name,
        ran_at=ran_at,
        seconds=round(seconds, 3),
        accuracy=_accuracy(compared),
        flips=sum(one.flipped for one in compared),
        models=sorted({(one.id, one.sha256): one for one in models}.values(), key=lambda one: one.id),
        answers=compared,
    )


def _compared(answer: CanaryAnswer, before: CanaryAnswer | None) -> CanaryAnswer:
    """An answer that could not be judged, now or then, is no flip."""
    if before is None or answer.right is None or before.right is None:
        return answer
    if (answer.answer, answer.right) == (before.answer, before.right):
        return answer
    return answer.model_copy(update={"flipped": True, "before": before.answer})


def _accuracy(answers: Iterable[CanaryAnswer]) -> dict[str, float]:
    judged: dict[str, list[bool]] = {}
    for one in answers:
        if one.right is not None:
            judged.setdefault(one.pipeline, []).append(one.right)
    return {pipeline: sum(right) / len(right) for pipeline, right in judged.items()}
