"""Measures how much of a face lies outside its picture.

A detector that sees nothing beyond the picture lets the box of a cut face end at the border. But boxes of whole faces
have much the same shape, so one at the border that is too narrow or too low shows how much is missing.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Width over height of the boxes of whole, upright faces. In photographs its median is .757 for 136 frontal ones (.764
# with MTCNN), and .70 for 61 that are turned away by 40° of yaw or more; one in twenty has under .65.
FRONTAL_RATIO, PROFILE_RATIO, PROFILE_YAW = 0.74, 0.67, 40.0
BORDER = 0.015  # of the box's longer side: as near the picture's edge as that, a box ends there


def measure_outside(boxes: Values, yaws: Values, rolls: Values, *, width: int, height: int) -> Values:
    """(N,) shares, 0 to 1, of N faces that lie outside a picture of `width` x `height` pixels.

    `boxes` (N, 4) are in the picture's pixels and may reach beyond it; `yaws` and `rolls` (N,) are in degrees.
    """
    size = np.array([width, height])
    clipped = np.concatenate([boxes[:, :2].clip(0), np.minimum(boxes[:, 2:], size)], axis=1)
    sides = (clipped[:, 2:] - clipped[:, :2]).clip(1e-6)
    border = BORDER * sides.max(axis=1, keepdims=True)
    is_cut = (clipped[:, :2] <= border) | (clipped[:, 2:] >= size - border)  # across, down
    ratios = _expected_ratios(yaws, rolls)[:, None]
    whole = sides[:, ::-1] * np.concatenate([ratios, 1 / ratios], axis=1)
    expected = np.where(is_cut, np.maximum(sides, whole), sides).prod(axis=1)
    reached = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1)
    shares: Values = 1 - sides.prod(axis=1) / np.maximum(expected, reached)
    return shares


def _expected_ratios(yaws: Values, rolls: Values) -> Values:
    """(N,): a box's width over its height, which trade places where a face lies on its side."""
    upright = np.where(np.abs(yaws) < PROFILE_YAW, FRONTAL_RATIO, PROFILE_RATIO)
    level, steep = np.abs(np.cos(np.radians(rolls))), np.abs(np.sin(np.radians(rolls)))
    ratios: Values = (upright * level + steep) / (level + upright * steep)
    return ratios
