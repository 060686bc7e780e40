"""What the documents pipeline answers.

Boxes are pixels of the page as it came in: of an image with its Exif orientation applied, of a PDF page at the
stated dpi. Also of a scan that lies on its side: its content is turned for reading, its boxes are turned back.
Scores are 0-1.
"""

from typing import Literal

from pydantic import Field

from pipelines.types import Wire

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]  # clockwise from the text's own top left

Label = Literal[
    "title", "text", "list", "table", "figure", "caption", "header", "footer", "footnote", "formula", "reference"
]
Source = Literal["text_layer", "ocr"]


class Word(Wire):
    text: str
    box: Box
    score: float


class Line(Wire):
    text: str
    box: Box
    score: float
    words: list[Word]
    polygon: Quad | None = Field(default=None, description="where the text does not stand upright in the page")


class Region(Wire):
    """A block of one kind. `order` is its place in reading order; regions come in that order."""

    label: Label
    box: Box
    score: float
    order: int
    lines: list[Line]


class Cell(Wire):
    """`row` and `column` count from 0; a spanning cell has the ones of its top left."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False
    text: str
    box: Box


class Table(Wire):
    box: Box
    score: float
    region: int = Field(description="`order` of the region that it is")
    rows: int
    columns: int
    html: str
    cells: list[Cell]


class Pair(Wire):
    """A key and its value, found by where they stand: `Total  12.40`."""

    key: str
    value: str
    key_box: Box
    value_box: Box


class Page(Wire):
    """`rotation`: degrees by which its content was turned clockwise; `error` says why a page has nothing else."""

    number: int = Field(ge=1)
    width: int
    height: int
    dpi: int | None = None
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = Field(default=0.0, description="degrees that were straightened, clockwise positive")
    source: Source | None = Field(default=None, description="where its text comes from; none where nothing was read")
    regions: list[Region]
    tables: list[Table] = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    error: str | None = None
    picture: bytes | None = Field(default=None, exclude=True, description="the page as JPEG, where it was asked for")


class Document(Wire):
    """`page_count` is that of the file; `pages` are those that were asked for."""

    page_count: int
    pages: list[Page]
