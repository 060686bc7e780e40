"""Measures of a picture's connected parts: one thing alone on its ground, many small ones, capitals in a line.

The measures are ours; parts are found by OpenCV's labelling of 8-connected components.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_OTHER = 24  # of 255: a channel's difference from the ground, from which a pixel belongs to a thing
_WHITE = 195  # of 255: from
_CAPTION = 0.035, 0.17  # heights of a caption's capitals, as shares of the picture's height
_LINE = 3  # pixels within which letters stand on one line


def measure_things(rgb: NDArray[np.uint8]) -> list[float]:
    """Whatever is not of the border's colour: how much, in how many parts, how large the two largest are."""
    rgb = np.ascontiguousarray(rgb[::2, ::2])  # every other pixel: labelling takes a quarter of the time
    ground = np.median(np.concatenate((rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1])), axis=0)
    mask = cv2.bitwise_not(cv2.inRange(rgb, ground - _OTHER, ground + _OTHER))
    parts = _find_parts(mask)
    if not len(parts):
        return [0.0] * 8
    areas = np.sort(parts[:, cv2.CC_STAT_AREA])[::-1]
    largest = parts[parts[:, cv2.CC_STAT_AREA].argmax()]
    total, (height, width) = int(areas.sum()), mask.shape
    across, down = int(largest[cv2.CC_STAT_WIDTH]), int(largest[cv2.CC_STAT_HEIGHT])
    return [
        total / mask.size,
        float(np.log1p(len(parts))),
        float(areas[0]) / total,
        float(areas[1:2].sum()) / total,
        float(areas[areas < 0.001 * mask.size].sum()) / total,
        across / width,
        down / height,
        float(largest[cv2.CC_STAT_AREA]) / (across * down),
    ]


def measure_capitals(grey: NDArray[np.uint8]) -> list[float]:
    """White parts as high as a caption's letters: how many there are, and how many stand on one line."""
    low, high = (share * len(grey) for share in _CAPTION)
    parts = _find_parts(cv2.inRange(grey, _WHITE, 255))
    heights = parts[:, cv2.CC_STAT_HEIGHT]
    letters = parts[(heights >= low) & (heights <= high) & (parts[:, cv2.CC_STAT_WIDTH] <= 1.6 * heights)]
    return [float(np.log1p(len(letters))), float(np.log1p(_count_longest_line(letters)))]


def _find_parts(mask: cv2.typing.MatLike) -> NDArray[np.int32]:
    """(N, 5) left, top, width, height and area of each part of what is not 0 in `mask`."""
    return cv2.connectedComponentsWithStats(mask, ltype=cv2.CV_16U)[2][1:]  # type: ignore[return-value]  # no dtypes


def _count_longest_line(parts: NDArray[np.int32]) -> int:
    """How many parts end at about the same height, at the height where most do."""
    if not len(parts):
        return 0
    return int(np.bincount((parts[:, cv2.CC_STAT_TOP] + parts[:, cv2.CC_STAT_HEIGHT]) // _LINE).max())
