"""The result of a captioner: its text, or why there is none, and what speaks against the text."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from pipelines.instructions.types import InstructionPhrase
from pipelines.types import WireModel

FailureReason = Literal["unreachable", "too-slow", "refused", "too-large", "malformed"]
NoteReason = FailureReason | Literal["withheld", "no-copy"]
DoubtSubject = Literal["people", "animals", "text"]
DoubtGrade = Literal["contradicted", "unconfirmed"]


class CaptionNote(WireModel):
    """Why there is no caption; the rest of the answer does not depend on it."""

    reason: NoteReason
    detail: str


class CaptionDoubt(WireModel):
    """Something that the caption states and our detectors do not bear out.

    Contradicted: a detector looked for it and found otherwise. Unconfirmed: what looked can have missed it.
    """

    subject: DoubtSubject
    grade: DoubtGrade
    claim: str = Field(description="words of the caption")
    reason: str


class Caption(WireModel):
    """`text` is another model's and untrusted: it may be wrong, and repeat instructions that stand in the picture."""

    text: str | None
    model: str = Field(description="as the operator configured it")
    made_at: datetime | None = None
    seconds: float | None = Field(default=None, description="that the captioner took")
    is_cached: bool = False
    addresses_model: bool = Field(default=False, description="whether it has instructions to a language model")
    instructions: list[InstructionPhrase] = Field(default_factory=list, description="the phrases behind that")
    doubts: list[CaptionDoubt] = Field(default_factory=list)
    note: CaptionNote | None = None
