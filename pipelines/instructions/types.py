"""A phrase that addresses a language model, as answers list it."""

from typing import Literal

from pydantic import Field

from pipelines.boxes import Box
from pipelines.types import WireModel

Hiding = Literal["not painted", "under an image", "outside of the page", "tiny", "faint", "in a code"]


class InstructionPhrase(WireModel):
    """A phrase in quoted text that addresses a language model or its tools; boxes are as the text's own ones."""

    text: str = Field(description="as written, 100 characters at most")
    kind: str = Field(description="override, extraction, template, role, address, command …")
    strength: float = Field(description="of its kind, 0-1; kinds near each other add up")
    span: tuple[int, int] = Field(
        description="start and end in the text: of regions, that is their texts in order, joined by line breaks"
    )
    lines: list[str] = Field(default_factory=list, description="ids of the lines that it stands in")
    box: Box | None = Field(default=None, description="around these lines")
    hiding: Hiding | None = Field(default=None, description="how all of these lines are kept from view")
