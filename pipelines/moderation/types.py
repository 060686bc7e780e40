"""The result types of moderation. Scores are 0-1; boxes are pixels of the upright original."""

from typing import Literal

from pydantic import Field

from pipelines.boxes import Box
from pipelines.explain.types import Explanation
from pipelines.image.picture_facts import Backdrop
from pipelines.instructions.types import InstructionPhrase
from pipelines.types import WireModel

Verdict = Literal["allow", "review", "block"]
VERDICTS: tuple[Verdict, ...] = ("allow", "review", "block")  # from mild to strict

InputType = Literal["text", "image"]


class Evidence(WireModel):
    """One finding of a signal, and its place."""

    what: str = Field(description="a class, a list's entry, a kind of file or the text that matched")
    score: float | None = None
    detail: str | None = None
    box: Box | None = None
    span: tuple[int, int] | None = Field(
        default=None, description="start and end: characters of a text, or bytes of the file for the signal 'file'"
    )
    instructions: list[InstructionPhrase] | None = Field(
        default=None,
        description="of a code: phrases in `detail` that address a language model; spans count its characters",
    )


class SignalResult(WireModel):
    """The result of one signal for one image: the scores that a policy decides on, and their evidence."""

    score: float = Field(ge=0, le=1, description="the highest of `scores`")
    scores: dict[str, float] = Field(description="by name; a rule of the policy refers to one as 'signal.name'")
    evidence: list[Evidence] = Field(default_factory=list)
    detector: str = Field(description="a model's id, or the name of a list or a check")
    version: str = Field(description="of the detector: with it and the image the scores can be computed again")
    error: str | None = Field(default=None, description="why the signal failed; its scores then mean nothing")
    looked_at: int | None = Field(default=None, description="of the signal 'frames': frames or pages that were judged")
    total: int | None = Field(default=None, description="of the signal 'frames': frames or pages in the file")

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


class FiredRule(WireModel):
    """A rule of the policy whose threshold was reached, or 'on_error' for a signal that failed."""

    rule: str
    category: str
    signal: str
    score: float
    threshold: float
    verdict: Verdict
    severity: int
    actions: list[str] = Field(default_factory=list)


class CategoryScore(WireModel):
    """The result of all rules of one OpenAI category: the first one's score, or a higher one that fired, and whether
    one of them changed the verdict.
    """

    score: float
    flagged: bool
    input_types: list[InputType]


class PageVerdict(WireModel):
    """The verdict on one page of a PDF or TIFF; `rules` are the names of those that fired on it."""

    number: int
    verdict: Verdict
    severity: int = 0
    rules: list[str] = Field(default_factory=list)
    error: str | None = Field(default=None, description="why the page could not be read, or a signal failed on it")


class BackdropVerdict(WireModel):
    """The verdict on a partly transparent picture over one backdrop; `rules` are the names of those that fired."""

    backdrop: Backdrop = Field(description="none: the colours without their alpha, as programs see them that drop it")
    verdict: Verdict
    severity: int = 0
    rules: list[str] = Field(default_factory=list)
    error: str | None = Field(default=None, description="why a signal failed")


class FrameVerdict(WireModel):
    """The verdict on one frame of an animation, or page of a TIFF; `rules` are the names of those that fired on it."""

    number: int = Field(description="from 1")
    page: int | None = Field(default=None, description="of a TIFF: the same number")
    seconds: float | None = Field(
        default=None, description="from the animation's start to this frame, at the speed that browsers show it"
    )
    verdict: Verdict
    severity: int = 0
    rules: list[str] = Field(default_factory=list)
    error: str | None = Field(default=None, description="why the frame could not be decoded, or a signal failed on it")


class Moderation(WireModel):
    """A verdict, its evidence, and everything that it takes to reach it again: see `kernelsight policy replay`."""

    verdict: Verdict
    severity: int = Field(ge=0, le=6, description="of the worst rule behind the verdict; 0 when allowed")
    rules: list[FiredRule] = Field(description="all that fired, including those that leave the verdict alone")
    actions: list[str] = Field(description="the actions of all fired rules, for the caller")
    signals: dict[str, SignalResult]
    policy: str
    policy_version: str
    policy_sha256: str
    tenant: str | None = None
    categories: dict[str, CategoryScore] = Field(
        exclude=True, description="by OpenAI category; those without a signal are left out"
    )
    explanations: dict[str, Explanation] | None = Field(
        default=None, description="by signal: the places of the picture that its score comes from; when requested"
    )
    pages: list[PageVerdict] | None = Field(
        default=None, description="of a PDF or TIFF of which more than the first page was moderated"
    )
    frames: list[FrameVerdict] | None = Field(
        default=None,
        description="of an animation or a TIFF of several pages: those looked at, up to the first that is blocked",
    )
    backdrops: list[BackdropVerdict] | None = Field(
        default=None, description="of a picture that is partly transparent, up to the first that is blocked"
    )
    preview: str | None = Field(
        default=None, description="a small, blurred WebP as data URL, for reviewers; when requested"
    )
