"""Where the ink of a line is within its box: a reader draws boxes with room to spare."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.boxes import height, width
from pipelines.documents.types import Box

Grey = NDArray[np.uint8]  # (height, width)

FAINTEST = 0.4  # contrast of ink, in units of the box's strongest
LEAST_CONTRAST = 24.0  # of 255: less is paper
MARGIN = 0.1  # of the line's height: what is left around its ink
GAP = 0.12  # of the line's height: white within it, as under the dot of an i


def ink_share(grey: Grey, box: Box) -> float:
    """Share of the box's pixels that are nearer to its text's colour than to its ground's."""
    crop = _crop(grey, box)
    if crop.size == 0:
        return 0.0
    low, high = int(crop.min()), int(crop.max())
    dark = float((crop < (low + high) / 2).mean())
    return min(dark, 1 - dark)


def trimmed(grey: Grey, box: Box) -> Box:
    """The box closely around the ink of the line in it, without what reaches into it from neighbouring lines."""
    crop = _crop(grey, box)
    if crop.size == 0:
        return box
    contrast = np.abs(crop - np.median(crop))
    strongest = float(contrast.max())
    if strongest < LEAST_CONTRAST:
        return box
    ink = contrast > FAINTEST * strongest
    is_upright = height(box) <= width(box)
    across = cast(NDArray[np.bool_], ink.any(axis=1 if is_upright else 0))
    first, last = _middle_run(across, round(GAP * len(across)))
    within = ink[first:last] if is_upright else ink[:, first:last]
    along = np.flatnonzero(within.any(axis=0) if is_upright else within.any(axis=1))
    start, end = int(along[0]), int(along[-1]) + 1
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    x0, y0, x1, y1 = (start, first, end, last) if is_upright else (first, start, last, end)
    margin = MARGIN * len(across)
    return (
        max(box[0], left + x0 - margin),
        max(box[1], top + y0 - margin),
        min(box[2], left + x1 + margin),
        min(box[3], top + y1 + margin),
    )


def _crop(grey: Grey, box: Box) -> Grey:
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    return grey[y0:y1, x0:x1]


def _middle_run(is_inked: NDArray[np.bool_], gap: int) -> tuple[int, int]:
    """The run of ink nearest to the middle, over white of `gap` places at most: its first place and the one behind."""
    places = np.flatnonzero(is_inked)
    breaks = np.flatnonzero(np.diff(places) > gap + 1)
    starts, ends = places[[0, *(breaks + 1)]], places[[*breaks, -1]] + 1
    middle = (len(is_inked) - 1) / 2
    distances = np.maximum(np.maximum(starts - middle, middle - (ends - 1)), 0)
    best = int(np.argmin(distances))
    return int(starts[best]), int(ends[best])
