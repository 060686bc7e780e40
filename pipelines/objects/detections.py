"""Detections: labelled boxes, and how a detector's outputs become them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from pipelines.nms import Floats, keep_best

Classes = NDArray[np.intp]

MIN_SCORE = 0.1  # of one class of a cell: weaker ones take time and change nothing
MAX_PROPOSALS = 1000  # of one view before suppression, the best scores: a crowd has some 600
SAME_OBJECT_IOU = 0.6  # two boxes of one class that overlap more are one object


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes (N, 4), x0, y0, x1, y1 in shares of the picture's width and height; classes (N,); scores (N,), 0-1."""

    boxes: Floats
    classes: Classes
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Detections":
        return Detections(self.boxes[rows], self.classes[rows], self.scores[rows])

    def suppress_duplicates(self) -> "Detections":
        """Greedy non-maximum suppression within each class; best score first."""
        # Classes lie side by side, two pictures apart, so that boxes of different ones never overlap.
        apart = self.boxes + 3 * self.classes[:, None].astype(np.float32)
        return self[np.array(keep_best(apart, self.scores, iou=SAME_OBJECT_IOU), np.intp)]


def decode_outputs(outputs: Mapping[str, Array], *, width: float = 1.0, height: float = 1.0) -> Detections:
    """Detections from `boxes` (cells, 4), in shares of the canvas, and `scores` (cells, classes).

    `width` and `height` are the share of the canvas that the picture takes, from its top left corner.
    """
    scores = outputs["scores"]
    cells, classes = np.divmod(np.flatnonzero(scores >= MIN_SCORE), scores.shape[1])  # twice as fast as by rows
    found = scores[cells, classes]
    if len(found) > MAX_PROPOSALS:
        best = np.argpartition(-found, MAX_PROPOSALS)[:MAX_PROPOSALS]
        cells, classes, found = cells[best], classes[best], found[best]
    scale = np.array([width, height, width, height], np.float32)
    boxes = (outputs["boxes"][cells] / scale).clip(0, 1)
    (has_area,) = np.nonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    return Detections(boxes, classes, found)[has_area].suppress_duplicates()
