"""What moderation answers. Scores are 0-1; boxes are pixels of the upright original."""

from typing import Literal

from pydantic import Field

from pipelines.explain.explainer import Explanation
from pipelines.types import Wire

Verdict = Literal["allow", "review", "block"]
VERDICTS: tuple[Verdict, ...] = ("allow", "review", "block")  # from mild to strict

InputType = Literal["text", "image"]

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


class SignalResult(Wire):
    """What one signal says of one image: the numbers that a policy decides on, and what they rest on."""

    score: float = Field(ge=0, le=1, description="the highest of `scores`")
    scores: dict[str, float] = Field(description="each thing that the signal looks for; a rule names 'signal.thing'")
    evidence: list[Evidence] = Field(default_factory=list)
    detector: str = Field(description="what judged: a model's id, or the name of a list or a check")
    version: str = Field(description="of the detector: with it and the image the scores can be had again")
    error: str | None = Field(default=None, description="why the signal could not judge; its scores then say nothing")

    @classmethod
    def of(cls, scores: dict[str, float], evidence: list[Evidence], *, detector: str, version: str) -> "SignalResult":
        rounded = {name: round(score, 6) for name, score in scores.items()}
        return cls(
            score=max(rounded.values(), default=0.0), scores=rounded, evidence=evidence,
            detector=detector, version=version,
        )  # fmt: skip

    @classmethod
    def failed(cls, why: str, *, detector: str) -> "SignalResult":
        return cls(score=0.0, scores={}, detector=detector, version="", error=why)


class FiredRule(Wire):
    """A rule of the policy whose threshold was reached, or 'on_error' for a signal that could not judge."""

    rule: str
    category: str
    signal: str
    score: float
    threshold: float
    verdict: Verdict
    severity: int
    actions: list[str] = Field(default_factory=list)


class CategoryScore(Wire):
    """What the rules of one OpenAI category come to: the highest score of their signals, and whether one fired."""

    score: float
    flagged: bool
    input_types: list[InputType]


class PageVerdict(Wire):
    """A page of a PDF or TIFF by itself; `rules` are the names of those that fired on it."""

    number: int
    verdict: Verdict
    severity: int = 0
    rules: list[str] = Field(default_factory=list)
    error: str | None = Field(default=None, description="why it, or some signal there, could not be judged")


class Moderation(Wire):
    """A verdict, what it rests on, and what it takes to reach it again: see `kernelsight policy replay`."""

    verdict: Verdict
    severity: int = Field(ge=0, le=6, description="of the worst rule behind the verdict; 0 when allowed")
    rules: list[FiredRule] = Field(description="all that fired, those that only note something included")
    actions: list[str] = Field(description="what the fired rules tell the caller to do")
    signals: dict[str, SignalResult]
    policy: str
    policy_version: str
    policy_sha256: str
    tenant: str | None = None
    categories: dict[str, CategoryScore] = Field(
        exclude=True, description="by OpenAI category; those that no signal judged are not in it"
    )
    explanations: dict[str, Explanation] | None = Field(
        default=None, description="by signal: which places of the picture its score comes from; when asked for"
    )
    pages: list[PageVerdict] | None = Field(
        default=None, description="of a PDF or TIFF of which more than the first page was looked at"
    )
    preview: str | None = Field(
        default=None, description="a small, blurred WebP as data URL, for people who have to look; when asked for"
    )
