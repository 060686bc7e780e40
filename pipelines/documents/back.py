"""What was found on an upright page, at its places on the page as it came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from pipelines.documents.glyphs import Floats
from pipelines.documents.parts import PageText, TextLine, TextWord
from pipelines.documents.turns import Turn
from pipelines.documents.types import Box, Line, Pair, Quad, Region, Table

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
