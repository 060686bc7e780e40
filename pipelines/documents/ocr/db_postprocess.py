"""Turns a text detector's probability map into outlines of lines (differentiable binarization, DB).

Source: M. Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (AAAI 2020). The map marks
the cores of lines, shrunk so that neighbours stay separate. Each core's rectangle is grown again by a distance that
follows from its area and its perimeter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from pipelines.documents.coordinates import PageTransform
from pipelines.documents.stages import QuadArray

MIN_MEAN_PROBABILITY = 0.5  # of a core that is a line
# For a second pass over rejected cores: dirt beside a short line stretches its core, whose mean is then too low.
RESCUE_THRESHOLD = 0.6
UNCLIP_RATIO = 1.6  # by which a core grows, in units of its area by its perimeter
MAX_LINES = 3000
MIN_THICKNESS = 3.0  # of a core, in pixels of the map
VERTICAL_RATIO = 1.5  # height by width from which a box's text runs down or up the page
SQUARE_RATIO = 2.2  # of a line's sides: below, it is a single character or two, and its shape does not tell an axis


@dataclass(frozen=True, slots=True)
class TextQuads:
    """Outlines of text lines: `quads` (N, 4, 2) x, y, clockwise from where text begins unless it is upside down."""

    quads: QuadArray
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: Array) -> "TextQuads":
        return TextQuads(self.quads[rows], self.scores[rows])

    @property
    def lengths(self) -> NDArray[np.float32]:
        """Extent along the text."""
        return _norms(self.quads[:, 1] - self.quads[:, 0])

    @property
    def heights(self) -> NDArray[np.float32]:
        """Extent across the text."""
        return _norms(self.quads[:, 3] - self.quads[:, 0])

    @property
    def angles(self) -> NDArray[np.float32]:
        """Direction of the text in degrees, clockwise from the page's x axis: -180 to 180."""
        x, y = (self.quads[:, 1] - self.quads[:, 0]).T
        angles: NDArray[np.float32] = np.degrees(np.arctan2(y, x))
        return angles

    @property
    def is_vertical(self) -> NDArray[np.bool_]:
        """(N,) which lines run down or up the page."""
        vertical: NDArray[np.bool_] = np.abs(np.abs(self.angles) - 90) < 45
        return vertical

    def scale_to_page(self, x_scale: float, y_scale: float, width: int, height: int) -> "TextQuads":
        """Scaled and clipped to a page of `width` x `height`; quads of which nothing is left are dropped."""
        quads = (self.quads * np.array([x_scale, y_scale])).clip(0, (width, height)).astype(np.float32)
        boxes = TextQuads(quads, self.scores)
        return boxes[(boxes.lengths >= 1) & (boxes.heights >= 1)]

    def transform(self, transform: PageTransform) -> "TextQuads":
        """The same lines on the upright page."""
        quads = [order_corners(quad) for quad in transform.to_upright(self.quads)]
        return TextQuads(np.array(quads, np.float32).reshape(-1, 4, 2), self.scores)

    def reverse(self, rows: NDArray[np.bool_]) -> "TextQuads":
        """With these rows read from their other end."""
        return TextQuads(np.where(rows[:, None, None], np.roll(self.quads, 2, axis=1), self.quads), self.scores)

    def along(self, *, vertical: bool) -> "TextQuads":
        """Those whose text may run down the page, or to the right, read so; nearly square ones may do either."""
        is_along = self.is_vertical == vertical
        ratios = self.lengths / self.heights
        is_square = (ratios < SQUARE_RATIO) & (ratios > 1 / SQUARE_RATIO)
        quads = np.where(is_along[:, None, None], self.quads, np.roll(self.quads, -1 if vertical else 1, axis=1))
        return TextQuads(quads, self.scores)[is_along | is_square]

    @classmethod
    def concatenate(cls, parts: Sequence["TextQuads"]) -> "TextQuads":
        return cls(np.concatenate([one.quads for one in parts]), np.concatenate([one.scores for one in parts]))

    @classmethod
    def empty(cls) -> "TextQuads":
        return cls(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))


def decode_text_quads(probabilities: NDArray[np.float32], *, threshold: float) -> TextQuads:
    """The probability map (H, W) to outlines in its own pixels."""
    lines, accepted, rejected = _find_cores(probabilities, threshold)
    remaining = np.zeros(probabilities.shape, np.uint8)
    cv2.fillPoly(remaining, rejected, 1)
    for outline in accepted:  # one by one: in one call, an outline in the hole of another would not be filled
        cv2.fillPoly(remaining, [outline], 0)
    rescued, _, _ = _find_cores(probabilities * remaining, RESCUE_THRESHOLD)
    return TextQuads.concatenate([lines, rescued])


def _find_cores(probabilities: NDArray[np.float32], threshold: float) -> tuple[TextQuads, list[Array], list[Array]]:
    """Outlines of lines, the contours of their cores, and those of rejected cores that are not too thin."""
    mask = cv2.dilate((probabilities > threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads, scores = [], []
    accepted: list[Array] = []
    rejected: list[Array] = []
    for contour in contours[:MAX_LINES]:
        centre, size, angle = cv2.minAreaRect(contour)
        if min(size) < MIN_THICKNESS:
            continue
        score = _mean_probability(probabilities, cv2.boxPoints((centre, size, angle)))
        if score < MIN_MEAN_PROBABILITY:
            rejected.append(contour)
            continue
        accepted.append(contour)
        growth = 2 * UNCLIP_RATIO * (size[0] * size[1]) / (2 * (size[0] + size[1]))
        quads.append(order_corners(cv2.boxPoints((centre, (size[0] + growth, size[1] + growth), angle))))
        scores.append(score)
    lines = TextQuads(np.array(quads, np.float32), np.array(scores, np.float32)) if quads else TextQuads.empty()
    return lines, accepted, rejected


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.sqrt((vectors**2).sum(axis=1))
    return lengths


def _mean_probability(probabilities: NDArray[np.float32], corners: Array) -> float:
    height, width = probabilities.shape
    x0, y0 = np.floor(corners.min(axis=0)).astype(int).clip(0, (width - 1, height - 1))
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int).clip(0, (width - 1, height - 1))
    inside = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - (x0, y0)).astype(np.int32)], 1)
    return cv2.mean(probabilities[y0 : y1 + 1, x0 : x1 + 1], inside)[0]


def order_corners(corners: Array) -> Array:
    """Clockwise corners, rolled to begin where text begins that runs to the right or, in a tall quad, down."""
    start = int(np.argmin(corners.sum(axis=1)))
    corners = np.roll(corners, -start, axis=0)  # clockwise from the top left
    width, height = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    return np.roll(corners, -1, axis=0) if height >= VERTICAL_RATIO * width else corners
