"""Cuts square windows out of a picture, upright or turned, and resamples them to a model's input size."""

from dataclasses import dataclass
from math import cos, log2, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import MipPyramid

_WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def cut_windows(
    mips: MipPyramid, centres: Floats, sides: Floats, angles: Floats | None, size: int
) -> NDArray[np.uint8]:
    """(N, size, size, 3) RGB: squares of `sides` pixels around `centres` (N, 2).

    `angles` (N,) in radians turn each window's x axis against the picture's, clockwise as seen; None stands for
    upright. What lies outside the picture has its mean colour: on black, O-Net doubts faces that are cut off.
    """
    out = np.empty((len(centres), size, size, 3), np.uint8)
    turns = np.zeros(len(centres)) if angles is None else angles
    for row, ((x, y), side, angle) in enumerate(zip(centres.tolist(), sides.tolist(), turns.tolist(), strict=True)):
        # At this level 0.7 to 1.4 pixels make one of the window's: bilinear sampling then neither skips nor blurs much.
        level, scale = mips.level(max(0, round(log2(max(side, 1.0) / size))))
        window = CropWindow(x * scale, y * scale, max(side, 1.0) * scale, (cos(angle), sin(angle)))
        cv2.warpAffine(
            level, window.affine_matrix(size), (size, size), dst=out[row], flags=_WARP, borderValue=mips.mean
        )
    return out


@dataclass(frozen=True, slots=True)
class CropWindow:
    """A square in a picture: its middle, its side, and the direction (cosine, sine) of its x axis."""

    x: float
    y: float
    side: float
    direction: tuple[float, float] = (1.0, 0.0)

    def affine_matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3): maps pixel indices in a window of `size` pixels to pixel indices in the picture.

        Pixel i covers i to i + 1: its centre lies at i + 0.5.
        """
        step = self.side / size
        a, b = self.direction[0] * step, self.direction[1] * step
        middle = (size - 1) / 2
        return np.array([[a, -b, self.x - 0.5 - (a - b) * middle], [b, a, self.y - 0.5 - (b + a) * middle]], np.float64)


def map_to_picture(points: Floats, centres: Floats, sides: Floats, angles: Floats) -> Floats:
    """Map (N, P, 2) points, in shares (0-1) of each window, to pixels of the picture."""
    offsets = (points - 0.5) * sides[:, None, None]
    cosines, sines = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = offsets[..., 0], offsets[..., 1]
    turned = np.stack([x * cosines - y * sines, x * sines + y * cosines], axis=-1)
    return (turned + centres[:, None]).astype(np.float32)
