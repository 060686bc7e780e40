"""The interfaces and values between the stages of reading a page, in pixels of the upright page.

page image ─► PageReader ──► PageText ─┐
           └► LayoutModel ─► blocks ───┴► arrange ─► regions in reading order, tables ─► Page
text layer ─► PageText ────────────────┘
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.types import PageWarning, RegionLabel
from pipelines.run_context import RunContext

if TYPE_CHECKING:  # it loads OpenCV, and settings are read without
    from pipelines.documents.flattening import Flattening

Pixels = NDArray[np.uint8]  # (height, width, 3) RGB
QuadArray = NDArray[np.float32]  # (4, 2) or (N, 4, 2): x, y, clockwise from the text's own top left


@dataclass(frozen=True, slots=True)
class TextWord:
    """`is_struck`: a line was drawn through it."""

    text: str
    box: Box
    score: float
    is_struck: bool = False


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line, its words as they are read; `quad` is its outline, `box` the upright box around it."""

    text: str
    quad: QuadArray = field(repr=False)
    score: float
    words: tuple[TextWord, ...]

    def with_scores_times(self, factor: float) -> "TextLine":
        words = tuple(replace(word, score=round(word.score * factor, 4)) for word in self.words)
        return replace(self, score=round(self.score * factor, 4), words=words)

    @property
    def box(self) -> Box:
        (x0, y0), (x1, y1) = self.quad.min(axis=0).tolist(), self.quad.max(axis=0).tolist()
        return x0, y0, x1, y1

    @property
    def height(self) -> float:
        """Height of the text itself, whatever its slant."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))


@dataclass(frozen=True, slots=True)
class PageText:
    """The lines of a page in the coordinates of `pixels`: the page after its `flattening`, a rotation by `rotation`
    degrees counterclockwise and a straightening by `skew` degrees."""

    pixels: Pixels = field(repr=False)
    lines: tuple[TextLine, ...]
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = 0.0
    warnings: tuple[PageWarning, ...] = ()
    flattening: "Flattening | None" = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LayoutBlock:
    """A region as the layout model proposes it, or a row of a form, which `stands_alone`: it is a paragraph."""

    label: RegionLabel
    box: Box
    score: float
    stands_alone: bool = False


class PageReader(Protocol):
    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        """Read all text of a page image in whichever orientation it comes."""


class LayoutModel(Protocol):
    async def find_blocks(self, pixels: Pixels, context: RunContext) -> list[LayoutBlock]:
        """Find the regions of an upright page: best score first, overlaps of one label removed."""
