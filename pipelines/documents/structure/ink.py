"""Measures the ink of a line and trims its box to it: readers draw boxes with room to spare."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_height, box_width, enclosing_box

Grey = NDArray[np.uint8]  # (height, width)

FAINTEST = 0.4  # contrast of ink, relative to the strongest in the box
LEAST_CONTRAST = 24.0  # of 255: less is paper
MARGIN = 0.1  # left around the ink, relative to the line's height
PAPER_SHARE = 0.003  # of a row or column under ink, at most, that is still paper: dust and scanner noise
RING = 4  # pixels around a graphic that tell the colour of its paper
GAP = 0.12  # white within a line, as under the dot of an i, relative to its height


def ink_share(grey: Grey, box: Box) -> float:
    """Share of the box's pixels that are nearer to the colour of its text than to that of its background."""
    crop = _crop(grey, box)
    if crop.size == 0:
        return 0.0
    low, high = int(crop.min()), int(crop.max())
    dark = float((crop < (low + high) / 2).mean())
    return min(dark, 1 - dark)


def trim_to_ink(grey: Grey, box: Box) -> Box:
    """Shrink the box to the ink of its line, without ink that reaches in from neighbouring lines."""
    crop = _crop(grey, box)
    if crop.size == 0:
        return box
    contrast = np.abs(crop - np.median(crop))
    strongest = float(contrast.max())
    if strongest < LEAST_CONTRAST:
        return box
    ink = contrast > FAINTEST * strongest
    is_horizontal = box_height(box) <= box_width(box)
    profile = cast(NDArray[np.bool_], ink.any(axis=1 if is_horizontal else 0))  # across the line
    first, last = _find_middle_run(profile, round(GAP * len(profile)))
    band = ink[first:last] if is_horizontal else ink[:, first:last]
    inked = np.flatnonzero(band.any(axis=0) if is_horizontal else band.any(axis=1))
    start, end = int(inked[0]), int(inked[-1]) + 1
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    x0, y0, x1, y1 = (start, first, end, last) if is_horizontal else (first, start, last, end)
    margin = MARGIN * len(profile)
    return (
        max(box[0], left + x0 - margin),
        max(box[1], top + y0 - margin),
        min(box[2], left + x1 + margin),
        min(box[3], top + y1 + margin),
    )


def hug_line(grey: Grey, box: Box) -> Box:
    """`trim_to_ink`, but an edge stays where more than the line's height would go: that is a word in a fainter ink."""
    reach = min(box_width(box), box_height(box))
    x0, y0, x1, y1 = (
        new if abs(new - old) <= reach else old for new, old in zip(trim_to_ink(grey, box), box, strict=True)
    )
    return x0, y0, x1, y1


def hug_content(grey: Grey, box: Box, own: Sequence[Box]) -> Box:
    """Shrink a graphic's box to what is drawn in it, and around the boxes of its `own` lines."""
    crop = _crop(grey, box)
    if crop.size == 0:
        return enclosing_box([box, *own])
    ink = np.abs(crop.astype(np.int16) - _measure_paper(grey, box)) > LEAST_CONTRAST
    rows, columns = (np.flatnonzero(ink.mean(axis=axis) > PAPER_SHARE) for axis in (1, 0))
    if not rows.size or not columns.size:
        return enclosing_box([box, *own])
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    content = (float(left + columns[0]), float(top + rows[0]), left + columns[-1] + 1.0, top + rows[-1] + 1.0)
    return enclosing_box([content, *own])


def _measure_paper(grey: Grey, box: Box) -> float:
    """The grey around the box, which a picture's own edge need not be; at the page's edge what is just inside."""
    x0, y0, x1, y1 = box
    ring = (x0 - RING, y0 - RING, x1 + RING, y1 + RING)
    strips = [
        (ring[0], ring[1], ring[2], y0), (ring[0], y1, ring[2], ring[3]),
        (ring[0], y0, x0, y1), (x1, y0, ring[2], y1),
    ]  # fmt: skip
    around = np.concatenate([_crop(grey, strip).ravel() for strip in strips])
    if around.size:
        return float(np.median(around))
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _crop(grey: Grey, box: Box) -> Grey:
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    return grey[y0:y1, x0:x1]


def _find_middle_run(is_inked: NDArray[np.bool_], gap: int) -> tuple[int, int]:
    """First index and end of the run of ink nearest to the middle; white of up to `gap` pixels does not end a run."""
    indices = np.flatnonzero(is_inked)
    breaks = np.flatnonzero(np.diff(indices) > gap + 1)
    starts, ends = indices[[0, *(breaks + 1)]], indices[[*breaks, -1]] + 1
    middle = (len(is_inked) - 1) / 2
    distances = np.maximum(np.maximum(starts - middle, middle - (ends - 1)), 0)
    best = int(np.argmin(distances))
    return int(starts[best]), int(ends[best])
