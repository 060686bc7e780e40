"""Outlines of text lines from a detector's probability map (differentiable binarization).

Source: M. Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (AAAI 2020). The map marks
the cores of lines, shrunk away from their neighbours: each core's rectangle is grown again by a distance that
follows from its area and its outline.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.runtime.session import Array
from pipelines.documents.coordinates import Turn
from pipelines.documents.stages import Quads

SURE = 0.5  # mean probability of a core that is a line
BRIGHT = 0.6  # for a second look at what is no line: dirt beside a short one draws its core out, whose mean then is low
GROWTH = 1.6  # of a core, in units of area by outline
MOST_LINES = 3000
THINNEST = 3.0  # pixels of the map across a core
TALL = 1.5  # height by width of a box whose text runs down or up the page


@dataclass(frozen=True, slots=True)
class Boxes:
    """`quads` (N, 4, 2) as float32: x, y, clockwise from the corner where text that is not upside down begins."""

    quads: Quads
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: Array) -> "Boxes":
        return Boxes(self.quads[rows], self.scores[rows])

    @property
    def lengths(self) -> NDArray[np.float32]:
        """Along the text."""
        return _norms(self.quads[:, 1] - self.quads[:, 0])

    @property
    def heights(self) -> NDArray[np.float32]:
        """Across the text."""
        return _norms(self.quads[:, 3] - self.quads[:, 0])

    @property
    def angles(self) -> NDArray[np.float32]:
        """Of the text's direction, in degrees, clockwise from the page's x axis: -180 to 180."""
        x, y = (self.quads[:, 1] - self.quads[:, 0]).T
        angles: NDArray[np.float32] = np.degrees(np.arctan2(y, x))
        return angles

    @property
    def are_tall(self) -> NDArray[np.bool_]:
        """Whose text runs down or up the page."""
        tall: NDArray[np.bool_] = np.abs(np.abs(self.angles) - 90) < 45
        return tall

    def scaled(self, across: float, down: float, width: int, height: int) -> "Boxes":
        """On a page of that size; parts beyond its edges are cut off, and boxes of which nothing is left."""
        quads = (self.quads * np.array([across, down])).clip(0, (width, height)).astype(np.float32)
        boxes = Boxes(quads, self.scores)
        return boxes[(boxes.lengths >= 1) & (boxes.heights >= 1)]

    def moved(self, turn: Turn) -> "Boxes":
        """On the page as it is after `turn`."""
        quads = [from_its_beginning(quad) for quad in turn.forward(self.quads)]
        return Boxes(np.array(quads, np.float32).reshape(-1, 4, 2), self.scores)

    def reversed(self, rows: NDArray[np.bool_]) -> "Boxes":
        """With these read from their other end."""
        return Boxes(np.where(rows[:, None, None], np.roll(self.quads, 2, axis=1), self.quads), self.scores)

    @classmethod
    def joined(cls, parts: Sequence["Boxes"]) -> "Boxes":
        return cls(np.concatenate([one.quads for one in parts]), np.concatenate([one.scores for one in parts]))

    @classmethod
    def none(cls) -> "Boxes":
        return cls(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))


def decode(probabilities: NDArray[np.float32], *, threshold: float) -> Boxes:
    """The map (H, W) to boxes in its own pixels."""
    found, sure, doubtful = _judged(probabilities, threshold)
    rest = np.zeros(probabilities.shape, np.uint8)
    cv2.fillPoly(rest, doubtful, 1)
    for outline in sure:  # one by one: together they would leave out what lies in the hole of another
        cv2.fillPoly(rest, [outline], 0)
    brighter, _, _ = _judged(probabilities * rest, BRIGHT)
    return Boxes.joined([found, brighter])


def _judged(probabilities: NDArray[np.float32], threshold: float) -> tuple[Boxes, list[Array], list[Array]]:
    """Boxes of cores that are lines, these cores' outlines, and those of others, all but too thin ones."""
    mask = cv2.dilate((probabilities > threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads, scores = [], []
    sure: list[Array] = []
    doubtful: list[Array] = []
    for contour in contours[:MOST_LINES]:
        centre, size, angle = cv2.minAreaRect(contour)
        if min(size) < THINNEST:
            continue
        score = _mean(probabilities, cv2.boxPoints((centre, size, angle)))
        if score < SURE:
            doubtful.append(contour)
            continue
        sure.append(contour)
        growth = 2 * GROWTH * (size[0] * size[1]) / (2 * (size[0] + size[1]))
        quads.append(from_its_beginning(cv2.boxPoints((centre, (size[0] + growth, size[1] + growth), angle))))
        scores.append(score)
    boxes = Boxes(np.array(quads, np.float32), np.array(scores, np.float32)) if quads else Boxes.none()
    return boxes, sure, doubtful


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.sqrt((vectors**2).sum(axis=1))
    return lengths


def _mean(probabilities: NDArray[np.float32], corners: Array) -> float:
    height, width = probabilities.shape
    x0, y0 = np.floor(corners.min(axis=0)).astype(int).clip(0, (width - 1, height - 1))
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int).clip(0, (width - 1, height - 1))
    inside = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - (x0, y0)).astype(np.int32)], 1)
    return cv2.mean(probabilities[y0 : y1 + 1, x0 : x1 + 1], inside)[0]


def from_its_beginning(corners: Array) -> Array:
    """Corners in any rotation, clockwise from the one where its text begins if it runs to the right, or down."""
    start = int(np.argmin(corners.sum(axis=1)))
    corners = np.roll(corners, -start, axis=0)  # clockwise from the top left
    along, across = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    return np.roll(corners, -1, axis=0) if across >= TALL * along else corners
