"""Decides from a look at low resolution where it is worth looking closer: areas around what seems to be text."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_area, enclosing_box, intersection_area
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.detector import TextLook
from pipelines.documents.stages import Pixels

# In canvas pixels: what seems a higher line is a thing, mostly the picture's main one.
MAX_HEIGHT = 110.0
# Evidence for text is a line that is surely one, or at least as long as one: of 154 photographs these lead to a closer
# look at 18 of 18 with legible text and at 30 of the 136 others; 52 without them.
SURE_SCORE = 0.66
MIN_LENGTH, MIN_ASPECT = 20.0, 1.7  # in canvas pixels, and relative to its height

# Screenshots and pages have small print that a look at low resolution misses. Of them, and of 5 in 392 photographs, at
# least this share of neighbouring pixels are alike.
FLAT = 0.8
ALIKE = 1  # grey levels that JPEG leaves between pixels of one colour
ROW_STEP = 8  # rows of which one is measured
SMALL_PRINT_SCALE = 0.75  # of a look; one at a larger scale misses nothing

MARGIN = 1.5  # around a line, in its heights: the look misses small print beside larger one
MIN_MARGIN = 8.0  # canvas pixels
MAX_AREAS = 4  # that are read one by one; more of them are read as one
MOST_OF_PICTURE = 0.4  # share of the picture from which on all of it is read


@dataclass(frozen=True, slots=True)
class TextEvidence:
    """The evidence for text: lines seen at `scale` canvas pixels for each of the picture's, and the picture's flatness,
    0-1; see `measure_flatness`.
    """

    lines: TextQuads
    scale: float
    flatness: float

    @classmethod
    def of(cls, look: TextLook, flatness: float) -> "TextEvidence":
        """Without lines that are as high as things are."""
        return cls(look.boxes[look.boxes.heights * look.scale <= MAX_HEIGHT], look.scale, flatness)

    @property
    def may_have_small_print(self) -> bool:
        return self.scale < SMALL_PRINT_SCALE and FLAT <= self.flatness < 1


def measure_flatness(pixels: Pixels) -> float:
    """The share of pixels that are like their left neighbour, 0-1: high where colours are plain, 1 on blank paper."""
    steps = np.abs(np.diff(pixels[::ROW_STEP, :, 1].astype(np.int16), axis=1))
    return float(np.mean(steps <= ALIKE)) if steps.size else 1.0


def find_areas(evidence: TextEvidence, width: int, height: int) -> list[Box]:
    """Boxes in pixels of the picture of `width` x `height`, from top to bottom; none where nothing seems to be text."""
    if not needs_closer_look(evidence):
        return []
    whole = (0.0, 0.0, float(width), float(height))
    areas = _join_overlapping(_list_grown_boxes(evidence.lines, evidence.scale, width, height))
    if evidence.may_have_small_print or sum(map(box_area, areas)) >= MOST_OF_PICTURE * width * height:
        return [whole]
    if len(areas) > MAX_AREAS:
        return [enclosing_box(areas)]
    return sorted(areas, key=lambda box: (box[1], box[0]))


def needs_closer_look(evidence: TextEvidence) -> bool:
    """The decision to spend time on a picture."""
    lines, scale = evidence.lines, evidence.scale
    is_long: NDArray[np.bool_] = (lines.lengths * scale >= MIN_LENGTH) & (lines.lengths >= MIN_ASPECT * lines.heights)
    return evidence.may_have_small_print or bool((is_long | (lines.scores >= SURE_SCORE)).any())


def _list_grown_boxes(lines: TextQuads, scale: float, width: int, height: int) -> Iterable[Box]:
    for quad, line_height in zip(lines.quads, lines.heights, strict=True):
        margin = max(float(line_height) * MARGIN, MIN_MARGIN / scale)
        (x0, y0), (x1, y1) = quad.min(axis=0) - margin, quad.max(axis=0) + margin
        yield max(0.0, float(x0)), max(0.0, float(y0)), min(float(width), float(x1)), min(float(height), float(y1))


def _join_overlapping(boxes: Iterable[Box]) -> list[Box]:
    """Boxes that do not overlap, each around one or several of `boxes`."""
    joined: list[Box] = []
    for box in boxes:
        while touching := [one for one in joined if intersection_area(one, box) > 0]:
            joined = [one for one in joined if one not in touching]
            box = enclosing_box([box, *touching])
        joined.append(box)
    return joined
