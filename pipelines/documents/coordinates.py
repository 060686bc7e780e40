"""What was found on an upright page, at its places on the page as it came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, cos, radians, sin
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.pdf.pdfium_text import Floats
from pipelines.documents.stages import PageText, Pixels, TextLine, TextWord
from pipelines.documents.types import Box, Line, Pair, Quad, Region, Table

Rotation = Literal[0, 90, 180, 270]

Points = NDArray[np.float32]  # (…, 2) x, y

LONGEST = 32_767  # pixels: OpenCV's warps index with 16 bits


@dataclass(frozen=True)
class Turn:
    """What makes a page of `width` x `height` upright: a turn by `rotation` degrees counterclockwise, then one by
    `skew` degrees counterclockwise about its middle, on a page that is large enough for all of it."""

    width: int
    height: int
    rotation: Rotation = 0
    skew: float = 0.0

    @classmethod
    def of(cls, text: PageText, width: int, height: int) -> "Turn":
        """That of a page which came in as `width` x `height`."""
        return cls(width, height, text.rotation, text.skew)

    @property
    def turned_size(self) -> tuple[int, int]:
        """Width and height after the quarter turns."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright page."""
        width, height = self.turned_size
        along, across = abs(cos(radians(self.skew))), abs(sin(radians(self.skew)))
        return ceil(width * along + height * across - 1e-6), ceil(width * across + height * along - 1e-6)

    @cached_property
    def _quarters(self) -> NDArray[np.float64]:
        width, height = self.width, self.height
        return np.array(
            {
                0: [[1, 0, 0], [0, 1, 0]],
                90: [[0, 1, 0], [-1, 0, width]],
                180: [[-1, 0, width], [0, -1, height]],
                270: [[0, -1, height], [1, 0, 0]],
            }[self.rotation],
            np.float64,
        )

    @cached_property
    def _straightening(self) -> NDArray[np.float64]:
        along, across = cos(radians(self.skew)), sin(radians(self.skew))
        turn = np.array([[along, across], [-across, along]])
        middle, target = np.array(self.turned_size) / 2, np.array(self.size) / 2
        return np.column_stack([turn, target - turn @ middle])

    def apply(self, pixels: Pixels) -> Pixels:
        """The upright page; what no part of the page covers has the colour of the page's edge."""
        turned = np.ascontiguousarray(np.rot90(pixels, self.rotation // 90))
        if not self.skew:
            return turned
        edge = np.concatenate([turned[0], turned[-1], turned[:, 0], turned[:, -1]])
        colour = [float(value) for value in np.median(edge, axis=0)]
        straight = cv2.warpAffine(
            turned, self._straightening, self.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT,
            borderValue=colour,
        )  # fmt: skip
        return cast(Pixels, straight)

    def forward(self, points: Points) -> Points:
        """Points of the page as it came in to points of the upright one."""
        for matrix in (self._quarters, self._straightening):
            points = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        return points

    def undo(self, points: Points) -> Points:
        """Points of the upright page to points of the page as it came in."""
        for matrix in (self._straightening, self._quarters):
            points = ((points - matrix[:, 2]) @ matrix[:, :2]).astype(np.float32)  # a rotation's inverse: transposed
        return points

    def undo_box(self, box: Box) -> Box:
        """The box around where `box` of the upright page lay, within the page as it came in."""
        x0, y0, x1, y1 = box
        corners = self.undo(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32))
        corners = corners.clip(0, (self.width, self.height))
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return left, top, right, bottom


SLANT = 0.5  # degrees from which a line has a polygon


@dataclass(frozen=True, slots=True)
class Back:
    turn: Turn

    @classmethod
    def of(cls, text: PageText, width: int, height: int) -> "Back":
        """From `text` to its page, which came in as `width` x `height`."""
        return cls(Turn.of(text, width, height))

    @property
    def is_slanted(self) -> bool:
        return self.turn.rotation != 0 or abs(self.turn.skew) > SLANT

    def boxes(self, boxes: Sequence[Sequence[float]]) -> list[Box]:
        """The boxes around them, within the page, to a tenth of a pixel; all at once, for a page has a thousand."""
        if not boxes:
            return []
        corners = self.turn.undo(np.array(boxes, np.float32)[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])
        found = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return cast(list[Box], [tuple(row) for row in _rounded(found.clip(0, (self.turn.width, self.turn.height) * 2))])

    def box(self, box: Box) -> Box:
        return self.boxes([box])[0]

    def region(self, region: Region) -> Region:
        lines = [self.line(line) for line in region.lines]
        return region.model_copy(update={"box": self.box(region.box), "lines": lines})

    def line(self, line: Line) -> Line:
        boxes = self.boxes([line.box, *(word.box for word in line.words)])
        words = [word.model_copy(update={"box": box}) for word, box in zip(line.words, boxes[1:], strict=True)]
        return line.model_copy(update={"box": boxes[0], "words": words, "polygon": self._polygon(line)})

    def _polygon(self, line: Line) -> Quad | None:
        if line.polygon is None and not self.is_slanted:
            return None
        x0, y0, x1, y1 = line.box
        corners = line.polygon or ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        return cast(Quad, tuple(map(tuple, _rounded(self.turn.undo(np.array(corners, np.float32))))))

    def table(self, table: Table) -> Table:
        boxes = self.boxes([table.box, *(cell.box for cell in table.cells)])
        cells = [cell.model_copy(update={"box": box}) for cell, box in zip(table.cells, boxes[1:], strict=True)]
        return table.model_copy(update={"box": boxes[0], "cells": cells})

    def pair(self, pair: Pair) -> Pair:
        key, value = self.boxes([pair.key_box, pair.value_box])
        return pair.model_copy(update={"key_box": key, "value_box": value})

    def text_line(self, line: TextLine) -> TextLine:
        boxes = self.boxes([word.box for word in line.words])
        words = tuple(TextWord(word.text, box, word.score) for word, box in zip(line.words, boxes, strict=True))
        return TextLine(line.text, self.turn.undo(line.quad), line.score, words)


def _rounded(numbers: Floats) -> list[list[float]]:
    return [[round(number, 1) for number in row] for row in numbers.tolist()]
