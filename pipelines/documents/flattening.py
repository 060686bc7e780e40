"""The transform from a page as it came in to one as it lay flat: of fax pixels that are no squares, and of photographs.

It comes before all turning and straightening (`coordinates.PageTransform`).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Self, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Image8 = NDArray[np.uint8]  # (height, width, 3) RGB
Points = NDArray[np.float32]  # (…, 2) x, y

MAX_PIXELS = 16_000_000  # of a flat page: a larger one is made smaller; 48 MB


@dataclass(frozen=True, slots=True, eq=False)
class Flattening:
    """`matrix` is the homography (3, 3) from points of the page as it came in to those of the flat one, which is
    `width` x `height`."""

    width: int
    height: int
    matrix: NDArray[np.float64]

    @classmethod
    def of_aspect(cls, width: int, height: int, aspect: float) -> Self:
        """For a page of `width` x `height` pixels that are `aspect` times as high as wide: none is left out."""
        across, down = max(1.0, 1 / aspect), max(1.0, aspect)
        return cls._fit(width * across, height * down, np.diag([across, down, 1.0]))

    @classmethod
    def of_outline(cls, outline: Points) -> Self:
        """For the page within `outline` (4, 2), its corners clockwise from the top left.

        Its sides are the means of opposite edges: the true ratio would need the camera's focal length.
        """
        edges = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1).astype(float)
        width, height = (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(outline.astype(np.float32), corners)
        return cls._fit(width, height, matrix.astype(np.float64))

    @classmethod
    def _fit(cls, width: float, height: float, matrix: NDArray[np.float64]) -> Self:
        scale = min(1.0, sqrt(MAX_PIXELS / (width * height)))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(*size, np.diag([size[0] / width, size[1] / height, 1.0]) @ matrix)

    @property
    def is_perspective(self) -> bool:
        """Whether level lines of the flat page were slanted in the page as it came in."""
        return bool(np.abs(self.matrix[[1, 2, 2], [0, 0, 1]]).max() > 1e-9)

    def warp(self, pixels: Image8) -> Image8:
        size = (self.width, self.height)
        if not self.is_perspective:
            return cast(Image8, cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC))
        return cast(
            Image8,
            cv2.warpPerspective(pixels, self.matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        )

    def to_flat(self, points: Points) -> Points:
        """Map points (…, 2) of the page as it came in."""
        return _map(self.matrix, points)

    def to_original(self, points: Points) -> Points:
        return _map(np.linalg.inv(self.matrix).astype(np.float64), points)


def _map(matrix: NDArray[np.float64], points: Points) -> Points:
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return (mapped[..., :2] / mapped[..., 2:]).astype(np.float32)
