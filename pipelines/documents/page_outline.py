"""Finds the outline of a page in a photograph of it: a bright quadrilateral on something darker.

Method: the bright area by Otsu's threshold, its hull, and a line fitted to each of the hull's four sides, as document
scanners in OpenCV's samples do (Apache-2.0); written anew.
"""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.flattening import Image8, Points

Mask = NDArray[np.uint8]  # (height, width), 0 or 1

SIDE = 480  # pixels of the longer side of the picture in which it is looked for: 4 ms
TEXT = 0.025  # of that side: gaps that text leaves in the bright area, and stains outside, at most
SMALLEST = 0.2  # share of the picture that a page takes
FILLED = 0.94  # share of the quadrilateral that is bright, at least, and of the bright area in it
SLANTED = 3.0  # degrees off a right angle, at one corner at least: below, the page was photographed from above
STEEPEST = 50.0  # degrees off a right angle at any corner, at most
EDGE = 3  # pixels of the small picture, up to which a corner is at its edge
CONTRAST = 30  # levels of 255 between page and surroundings, at least
RING = 0.03  # of SIDE: width of the surroundings that are compared


def find_outline(pixels: Image8) -> Points | None:
    """Corners (4, 2) of the page in pixels, clockwise from the top left; None if there is none, or no perspective."""
    step = max(1, max(pixels.shape[:2]) // (2 * SIDE))
    coarse = np.ascontiguousarray(pixels[::step, ::step])
    scale = SIDE / max(coarse.shape[:2])
    small = cv2.resize(coarse, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else coarse
    for channel in _list_channels(cast(Image8, small)):
        outline = _find_in_channel(channel)
        if outline is not None:
            size = np.array([pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0]], np.float32)
            return (outline + 0.5) * size
    return None


def _list_channels(small: Image8) -> Iterator[Mask]:
    """How white it is, as paper on bright wood differs by its colour, and its brightness."""
    yield cast(Mask, small.min(axis=2))
    yield cast(Mask, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def _find_in_channel(channel: Mask) -> Points | None:
    reach = max(3, round(TEXT * max(channel.shape))) | 1
    closed = cast(Mask, cv2.morphologyEx(channel, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))
    _, bright = cv2.threshold(closed, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8))
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea, default=None)
    if largest is None or cv2.contourArea(largest) < SMALLEST * channel.size:
        return None
    corners = _fit_corners(cv2.convexHull(largest).astype(np.int32), largest[:, 0].astype(np.float32))
    if corners is None or not _is_slanted_page(corners, channel.shape):
        return None
    area = np.zeros_like(channel)
    cv2.fillConvexPoly(area, corners.round().astype(np.int32), 1)
    inside = float(cv2.contourArea(corners))
    filled = np.zeros_like(channel)
    cv2.drawContours(filled, [largest], -1, 1, cv2.FILLED)
    common = float((area & filled).sum())
    if common < FILLED * inside or common < FILLED * float(filled.sum()):
        return None
    return corners if _stands_out(closed, area) else None


def _fit_corners(hull: NDArray[np.int32], contour: Points) -> Points | None:
    """The corners where lines fitted to the four sides meet; None if the hull is no quadrilateral."""
    length = cv2.arcLength(hull, closed=True)
    rough = next(
        (
            found
            for share in (0.02, 0.03, 0.04, 0.06)
            if len(found := cv2.approxPolyDP(hull, share * length, True)) == 4
        ),
        None,
    )
    if rough is None:
        return None
    corners = rough[:, 0].astype(np.float32)
    lines = [_fit_side(one, other, contour) for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    met = [_meet(lines[at - 1], lines[at]) for at in range(4)]
    fitted = np.array(
        [corner if point is None else point for point, corner in zip(met, corners, strict=True)], np.float32
    )
    return _order(fitted) if np.abs(fitted - corners).max() < 0.04 * length else None


def _fit_side(one: Points, other: Points, contour: Points) -> NDArray[np.float64]:
    """The line (a, b, c) with ax + by = c through the contour's points beside the middle 80 % of a side."""
    along = (other - one) / np.linalg.norm(other - one)
    offset = contour - one
    position, distance = offset @ along, np.abs(offset @ np.array([-along[1], along[0]]))
    length = float(np.linalg.norm(other - one))
    near = contour[(position > 0.1 * length) & (position < 0.9 * length) & (distance < 0.04 * length)]
    if len(near) < 8:
        near = np.stack([one, other])
    vx, vy, x, y = cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
    return np.array([-vy, vx, -vy * x + vx * y])


def _meet(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64] | None:
    matrix = np.array([one[:2], other[:2]])
    return None if abs(np.linalg.det(matrix)) < 0.2 else np.linalg.solve(matrix, np.array([one[2], other[2]]))


def _order(corners: Points) -> Points:
    """Clockwise, from the corner nearest to the picture's top left."""
    centre = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0])
    clockwise = corners[np.argsort(angles)]
    return np.roll(clockwise, -int(clockwise.sum(axis=1).argmin()), axis=0)


def _is_slanted_page(corners: Points, shape: tuple[int, ...]) -> bool:
    """Whether all corners lie in the picture, and the angles are those of a page seen in perspective."""
    height, width = shape[:2]
    if corners.min() < -1 or corners[:, 0].max() > width or corners[:, 1].max() > height:
        return False
    at_edges = np.concatenate([corners < EDGE, corners > (width - 1 - EDGE, height - 1 - EDGE)], axis=1)
    if (at_edges & np.roll(at_edges, -1, axis=0)).any():  # a side at the picture's edge is none of the page's
        return False
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    cosines = (before * after).sum(axis=1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1))
    off = np.abs(np.degrees(np.arccos(cosines.clip(-1, 1))) - 90)
    return bool(SLANTED < off.max() < STEEPEST)


def _stands_out(channel: Mask, area: Mask) -> bool:
    """Whether the page is brighter than what is around it, on all four of its sides together."""
    reach = 2 * round(RING * SIDE) + 1
    ring = cv2.dilate(area, np.ones((reach, reach), np.uint8)) - cv2.dilate(area, np.ones((5, 5), np.uint8))
    around = channel[ring > 0]
    return around.size > 0 and float(np.median(channel[area > 0])) - float(np.percentile(around, 75)) > CONTRAST
