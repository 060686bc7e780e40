"""Draws boxes close around what was read, and moves them from an area of the decoded picture to the original."""

from dataclasses import dataclass
from typing import cast

from pipelines.boxes import Box, clip_box, enclosing_box
from pipelines.documents.structure.ink import Grey, hug_line
from pipelines.documents.types import DocumentLine, Quad, Region


def hug_lines(region: Region, grey: Grey) -> Region:
    """The region with boxes of lines and words that end with their ink: the reader leaves room to spare."""
    return region.model_copy(update={"lines": [_hug_line(line, grey) for line in region.lines]})


def _hug_line(line: DocumentLine, grey: Grey) -> DocumentLine:
    box = hug_line(grey, line.box)
    words = [word.model_copy(update={"box": clip_box(word.box, box)}) for word in line.words]
    return line.model_copy(update={"box": box, "words": words})


@dataclass(frozen=True, slots=True)
class Placement:
    """`left` and `top` of the area in the decoded picture, and the size of that relative to the original."""

    left: int
    top: int
    scale: float

    def place_region(self, region: Region) -> Region:
        """A region's box encloses its lines, and nothing else."""
        lines = [self._place_line(line) for line in region.lines]
        return region.model_copy(update={"box": enclosing_box(line.box for line in lines), "lines": lines})

    def _place_line(self, line: DocumentLine) -> DocumentLine:
        words = [word.model_copy(update={"box": self._place_box(word.box)}) for word in line.words]
        polygon = None if line.polygon is None else cast(Quad, tuple(self._place(*point) for point in line.polygon))
        return line.model_copy(update={"box": self._place_box(line.box), "words": words, "polygon": polygon})

    def _place_box(self, box: Box) -> Box:
        return (*self._place(*box[:2]), *self._place(*box[2:]))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        return round((x + self.left) / self.scale, 1), round((y + self.top) / self.scale, 1)
