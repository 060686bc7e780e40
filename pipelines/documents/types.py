"""The result of the documents pipeline.

Boxes are pixels of the page as it came in: of an image with its Exif orientation applied, of a PDF page at the
stated dpi. This also holds for a scan that lies on its side: its content is rotated for reading, and its boxes are
mapped back. Scores are 0-1.
"""

from typing import Literal

from pydantic import Field

from pipelines.boxes import Box
from pipelines.instructions.types import InstructionPhrase
from pipelines.types import WireModel

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]  # clockwise from the text's own top left

RegionLabel = Literal[
    "title", "text", "list", "table", "figure", "caption", "header", "footer", "footnote", "formula", "reference"
]
DocumentWarning = Literal["xfa-form", "portfolio"]
TextSource = Literal["text_layer", "ocr"]
PageWarning = Literal["script-not-covered"]


class DocumentWord(WireModel):
    text: str
    box: Box
    score: float
    struck: bool = Field(default=False, description="whether a line was drawn through it")


class DocumentLine(WireModel):
    id: str = Field(default="", description="the region's and the line's number in it: p1.r3.l2")
    text: str
    box: Box
    score: float
    words: list[DocumentWord]
    polygon: Quad | None = Field(default=None, description="only if the text does not stand upright in the page")


class Region(WireModel):
    """A part of a page with one label. `order` is its position in reading order; regions come in that order.

    Ids are given when the page is complete; `text` has the lines as they were read, one a line, and
    struck words between `~~`.
    """

    id: str = Field(default="", description="page and region, both counted from 1 in reading order: p1.r3")
    label: RegionLabel
    box: Box
    score: float
    order: int
    text: str = ""
    code: str | None = Field(
        default=None, description="of a listing or a terminal's output: its lines with indents, without line numbers"
    )
    lines: list[DocumentLine]


class TableCell(WireModel):
    """`row` and `column` count from 0; a spanning cell has those of its top left corner."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False
    text: str
    box: Box
    struck: bool = Field(default=False, description="whether a line was drawn through any of its words")


class Table(WireModel):
    box: Box
    score: float
    region: int = Field(description="`order` of the table's own region")
    rows: int
    columns: int
    html: str
    cells: list[TableCell]
    continues: str | None = Field(
        default=None, description="id of the region on the page before whose table this one goes on from"
    )
    repeated_head_rows: int = Field(
        default=0, description="of a table that goes on from the page before: rows at its top that repeat the head"
    )


class KeyValuePair(WireModel):
    """A key and its value, found by their positions: `Total  12.40`.

    A date, a time or a telephone number that no name stands beside has an empty key, in its own place.
    """

    key: str
    value: str
    kind: Literal["date", "time", "telephone", "amount"] | None = Field(
        default=None, description="what the value is by its form; null for all other values"
    )
    key_box: Box
    value_box: Box
    struck: bool = Field(default=False, description="whether a line was drawn through any of the value's words")


class FormField(WireModel):
    """A field of a PDF form, filled or not. `checked` is null for fields that are no box, radio button or signature."""

    name: str
    kind: Literal["text", "checkbox", "radio", "choice", "signature"]
    label: str = Field(description="the field's name for people, or the text beside it")
    value: str = Field(description="of a box or radio button the value that it stands for")
    checked: bool | None = None
    box: Box


class PageNote(WireModel):
    """A comment that somebody has put on a PDF page."""

    author: str
    text: str
    box: Box


class Page(WireModel):
    """`rotation`: degrees clockwise by which its content was found rotated; `error`: why a page could not be read."""

    number: int = Field(ge=1)
    width: int
    height: int
    dpi: int | None = None
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = Field(default=0.0, description="degrees that were straightened, clockwise positive")
    source: TextSource | None = Field(default=None, description="where its text comes from; null if nothing was read")
    regions: list[Region]
    tables: list[Table] = Field(default_factory=list)
    pairs: list[KeyValuePair] = Field(default_factory=list)
    fields: list[FormField] = Field(default_factory=list)
    notes: list[PageNote] = Field(default_factory=list)
    addresses_model: bool = Field(default=False, description="whether its text has instructions to a language model")
    instructions: list[InstructionPhrase] = Field(default_factory=list, description="the phrases behind that")
    warnings: list[PageWarning] = Field(
        default_factory=list,
        description="script-not-covered: OCR has no letters for a script on the page, so text is missing or wrong",
    )
    error: str | None = None
    picture: bytes | None = Field(default=None, exclude=True, description="the page as JPEG, if requested")


class Document(WireModel):
    """`page_count` counts the pages of the file; `pages` are the requested ones.

    `warnings`: `xfa-form`, a form that only Adobe's programs show, with one page for all others; `portfolio`, a cover
    around its `attachments`, the names of files inside the PDF, which are not read.
    """

    page_count: int
    warnings: list[DocumentWarning] = Field(default_factory=list)
    attachments: list[str] = Field(default_factory=list)
    pages: list[Page]
