"""Square windows cut out of a picture, upright or turned, resampled to a model's input."""

from math import cos, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.faces.candidates import Floats
from pipelines.faces.views import Mips


def windows(mips: Mips, centres: Floats, sides: Floats, angles: Floats | None, size: int) -> NDArray[np.uint8]:
    """(N, size, size, 3) RGB: squares of `sides` pixels around `centres` (N, 2); what lies outside is black.

    `angles` (N,) in radians are those of the window's x axis against the picture's, clockwise as seen;
    None stands for upright.
    """
    out = np.empty((len(centres), size, size, 3), np.uint8)
    turns = np.zeros(len(centres)) if angles is None else angles
    for row, ((x, y), side, angle) in enumerate(zip(centres.tolist(), sides.tolist(), turns.tolist(), strict=True)):
        out[row] = np.asarray(_window(mips, x, y, max(side, 1.0), angle, size))
    return out


def _window(mips: Mips, x: float, y: float, side: float, angle: float, size: int) -> Image.Image:
    # The level with 0.7 to 1.4 pixels for one of the window: bilinear sampling then neither skips nor blurs much.
    level, shrunk = mips.level(max(0, round(np.log2(side / size))))
    step = side / size * shrunk
    a, b = cos(angle) * step, sin(angle) * step
    left, top = x * shrunk - (a - b) * size / 2, y * shrunk - (b + a) * size / 2
    return level.transform((size, size), Image.Transform.AFFINE, (a, -b, left, b, a, top), Image.Resampling.BILINEAR)


def to_picture(points: Floats, centres: Floats, sides: Floats, angles: Floats) -> Floats:
    """(N, P, 2) points in shares (0-1) of each window to pixels of the picture."""
    offsets = (points - 0.5) * sides[:, None, None]
    cosines, sines = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = offsets[..., 0], offsets[..., 1]
    turned = np.stack([x * cosines - y * sines, x * sines + y * cosines], axis=-1)
    return (turned + centres[:, None]).astype(np.float32)
