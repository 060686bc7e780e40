"""What the stages hand to each other, in pixels of the upright page that was read.

page image ─► Reader ─► PageText ─┐
           └► Layout ─► blocks ───┴► arrange ─► regions in reading order, tables ─► Page
text layer ─► PageText ───────────┘
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.types import Label
from pipelines.run_context import RunContext

Pixels = NDArray[np.uint8]  # (height, width, 3) RGB
Quads = NDArray[np.float32]  # (4, 2) x, y, clockwise from the text's own top left


@dataclass(frozen=True, slots=True)
class TextWord:
    text: str
    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line as it was found, left to right; `quad` is its outline, `box` the upright box around it."""

    text: str
    quad: Quads = field(repr=False)
    score: float
    words: tuple[TextWord, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        (x0, y0), (x1, y1) = self.quad.min(axis=0).tolist(), self.quad.max(axis=0).tolist()
        return x0, y0, x1, y1

    @property
    def height(self) -> float:
        """Of the text itself, whatever its slant."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))


@dataclass(frozen=True, slots=True)
class PageText:
    """The lines of a page, in the pixels of `pixels`: the page turned upright by `rotation` degrees
    counterclockwise and straightened by `skew` degrees."""

    pixels: Pixels = field(repr=False)
    lines: tuple[TextLine, ...]
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """A region that the layout model proposes."""

    label: Label
    box: tuple[float, float, float, float]
    score: float


class Reader(Protocol):
    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        """All text of a page image; finds out which way up it is."""


class Layout(Protocol):
    async def find(self, pixels: Pixels, context: RunContext) -> list[Block]:
        """Regions of an upright page, best score first, overlaps of one kind removed."""
