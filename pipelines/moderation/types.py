"""What moderation answers. Scores are 0-1; boxes are pixels of the upright original."""

from typing import Literal

from pydantic import Field

from pipelines.types import Wire

Verdict = Literal["allow", "review", "block"]
VERDICTS: tuple[Verdict, ...] = ("allow", "review", "block")  # from mild to strict

Box = tuple[float, float, float, float]


class Evidence(Wire):
    """One thing that a signal saw, and where."""

    what: str = Field(description="in a word or two: a class, a list's entry, a kind of file, the text that matched")
    score: float | None = None
    detail: str | None = None
    box: Box | None = None
    span: tuple[int, int] | None = Field(
        default=None, description="start and end: characters of a text, or bytes of the file for the signal 'file'"
    )


class Reading(Wire):
    """What one signal says of one image: the numbers that a policy decides on, and what they rest on."""

    score: float = Field(ge=0, le=1, description="the highest of `scores`")
    scores: dict[str, float] = Field(description="each thing that the signal looks for; a rule names 'signal.thing'")
    evidence: list[Evidence] = Field(default_factory=list)
    detector: str = Field(description="what judged: a model's id, or the name of a list or a check")
    version: str = Field(description="of the detector: with it and the image the scores can be had again")
    error: str | None = Field(default=None, description="why the signal could not judge; its scores then say nothing")

    @classmethod
    def of(cls, scores: dict[str, float], evidence: list[Evidence], *, detector: str, version: str) -> "Reading":
        rounded = {name: round(score, 6) for name, score in scores.items()}
        return cls(
            score=max(rounded.values(), default=0.0), scores=rounded, evidence=evidence,
            detector=detector, version=version,
        )  # fmt: skip
