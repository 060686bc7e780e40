"""The result of the text pipeline: regions as documents have them, on a page that is the picture."""

from pydantic import Field

from pipelines.documents.types import PageWarning, Region
from pipelines.instructions.types import InstructionPhrase
from pipelines.types import WireModel


class PictureText(WireModel):
    """Boxes are pixels of the upright original; a region's box encloses its lines.

    Lines with a low score are listed, but not quoted in the prompt.
    """

    regions: list[Region] = Field(description="in reading order")
    unread_lines: int = Field(description="lines that were found and not read, because the budget was used up")
    warnings: list[PageWarning] = Field(
        default_factory=list,
        description="script-not-covered: OCR has no letters for a script in it, so text is missing or wrong",
    )
    addresses_model: bool = Field(default=False, description="whether it has instructions to a language model")
    instructions: list[InstructionPhrase] = Field(default_factory=list, description="the phrases behind that")
