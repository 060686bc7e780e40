"""Cheap measures of a picture's pixels that tell drawn pictures from photographed ones: no model, no text reading.

The measures are ours; each is a share or a logarithm, so that none depends on the picture's size.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.captioning.kinds.components import measure_capitals, measure_things

LONGER_SIDE = 224  # of the thumbnail: lines of text still show as stripes, and the measures take about a millisecond
SHORTEST_SIDE = 4  # a line of pixels has no neighbours above: it is made thicker
PATCH_SIDE = 256  # of the part that is looked at unscaled, where flat areas are exactly flat

_FLAT, _SOFT, _HARD = 1, 8, 40  # steps between neighbours, of 255: up to flat, up to soft, from hard


def measure_pixels(pixels: Image.Image) -> NDArray[np.float32]:
    """(MEASURES,) float32 of upright RGB `pixels`, in an order that the trained head knows."""
    if min(pixels.size) < SHORTEST_SIDE:
        pixels = pixels.resize(
            (max(SHORTEST_SIDE, pixels.width), max(SHORTEST_SIDE, pixels.height)), Image.Resampling.NEAREST
        )
    rgb = np.asarray(pixels) if max(pixels.size) <= LONGER_SIDE else _shrink(pixels)
    grey = _to_grey(rgb)
    brightest, darkest = _extremes(rgb)
    chroma: NDArray[np.uint8] = cv2.subtract(brightest, darkest)  # type: ignore[assignment]
    across, down = _steps(grey)
    return np.concatenate(
        [
            _measure_shape(pixels),
            _measure_tones(grey, brightest, darkest, chroma),
            _measure_palette(rgb),
            _measure_steps(across, down),
            _measure_steps(*_steps(_cut_patch(pixels))),
            _measure_lines(across, down),
            _measure_layout(across, down),
            _measure_captions(grey, chroma),
            _measure_margins(rgb),
            _measure_border(rgb),
            measure_things(rgb),
            measure_capitals(grey),
        ]
    ).astype(np.float32)


def _shrink(pixels: Image.Image) -> NDArray[np.uint8]:
    """By a whole number in Pillow, which averages blocks fastest; the rest, less than half, in OpenCV."""
    scale = LONGER_SIDE / max(pixels.size)
    size = max(SHORTEST_SIDE, round(pixels.width * scale)), max(SHORTEST_SIDE, round(pixels.height * scale))
    whole = max(1, int(1 / scale))
    near = pixels.reduce((min(whole, pixels.width // size[0]), min(whole, pixels.height // size[1])))
    return cv2.resize(np.asarray(near), size, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _cut_patch(pixels: Image.Image) -> NDArray[np.uint8]:
    """The middle of the picture, unscaled."""
    left, top = max(0, (pixels.width - PATCH_SIDE) // 2), max(0, (pixels.height - PATCH_SIDE) // 2)
    box = left, top, min(pixels.width, left + PATCH_SIDE), min(pixels.height, top + PATCH_SIDE)
    return _to_grey(np.asarray(pixels.crop(box)))


def _to_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]  # its stub knows no dtypes


def _steps(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Absolute differences of neighbours in a row, (h, w - 1), and in a column, (h - 1, w)."""
    return cv2.absdiff(grey[:, 1:], grey[:, :-1]), cv2.absdiff(grey[1:], grey[:-1])  # type: ignore[return-value]


def _measure_shape(pixels: Image.Image) -> list[float]:
    ratio = float(np.log(pixels.width / pixels.height))
    return [ratio, abs(ratio)]


def _measure_tones(
    grey: NDArray[np.uint8], brightest: NDArray[np.uint8], darkest: NDArray[np.uint8], chroma: NDArray[np.uint8]
) -> list[float]:
    saturation = cv2.divide(chroma, np.maximum(brightest, 1), scale=255)
    found = []
    for plane in (grey, saturation):
        mean, deviation = cv2.meanStdDev(plane)
        found += [float(mean[0, 0]) / 255, float(deviation[0, 0]) / 255]
    return [*found, _share(darkest >= 245), _share(brightest <= 12), _share(saturation > 127), _share(chroma < 8)]


def _extremes(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The largest and the smallest channel of each pixel; NumPy's reduction of so short an axis takes 20 times that."""
    red, green, blue = cv2.split(rgb)
    return cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)  # type: ignore[return-value]


def _measure_palette(rgb: NDArray[np.uint8]) -> list[float]:
    """How few colours make up the picture, at 4 bits a channel."""
    counts = cv2.calcHist([rgb], [0, 1, 2], None, [16, 16, 16], [0, 256] * 3).ravel().astype(np.float64)
    shares = np.sort(counts[counts > 0])[::-1] / counts.sum()
    sums = np.cumsum(shares)
    tops = [float(sums[min(top, len(sums)) - 1]) for top in (1, 2, 4, 8, 16, 32)]
    return [*tops, float(-(shares * np.log(shares)).sum()), float(np.log(len(shares)))]


def _measure_steps(across: NDArray[np.uint8], down: NDArray[np.uint8]) -> list[float]:
    """Flat, softly changing and hard: screens and drawings have flat and hard steps, photographs soft ones."""
    found, total, weighted = [], 0.0, 0.0
    for steps in (across, down):
        counts = cv2.calcHist([steps], [0], None, [256], [0, 256]).ravel()
        shares = counts / steps.size
        found += [float(part.sum()) for part in (shares[:1], shares[: _FLAT + 1], shares[: _SOFT + 1], shares[_HARD:])]
        changing = counts[_FLAT + 1 :]
        total, weighted = total + float(changing.sum()), weighted + float(changing @ np.arange(_FLAT + 1, 256))
    return [*found, float(np.log1p(weighted / max(total, 1.0)))]


def _measure_lines(across: NDArray[np.uint8], down: NDArray[np.uint8]) -> list[float]:
    """Straight lines along the picture's sides: windows, tables and axes have them from end to end."""
    found = []
    for edges in (_shares_above(down, 12, 1), _shares_above(across, 12, 0)):  # of each row, of each column
        found += [_largest(edges), _share(edges > 0.25), _share(edges > 0.5), _share(edges > 0.8)]
    return found


def _measure_layout(across: NDArray[np.uint8], down: NDArray[np.uint8]) -> list[float]:
    """Empty rows and columns, and how often empty ones take turns with full ones: lines of text, margins."""
    found = []
    for edges in (_shares_above(across, 24, 1), _shares_above(down, 24, 0)):
        empty = edges < 0.01
        turns = np.count_nonzero(empty[1:] != empty[:-1]) / max(1, len(empty))
        found += [_share(empty), turns, float(edges.mean()), float(edges.std())]
    return found


def _measure_captions(grey: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> list[float]:
    """White beside black in the upper, middle and lower part: letters with an outline, and where their lines are."""
    white = ((grey >= 195) & (chroma < 40)).astype(np.uint8)
    near = np.ones((3, 3), np.uint8)
    beside = cv2.bitwise_and(white, cv2.dilate((grey <= 75).astype(np.uint8), near))
    rows = np.convolve(np.asarray(beside).mean(1), np.full(5, 0.2), "same")
    height, found = len(grey), []
    for start, end in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        part = rows[int(start * height) : max(int(end * height), int(start * height) + 1)]
        found += [float(part.mean()), _largest(part)]
    return found


def _measure_margins(rgb: NDArray[np.uint8]) -> list[float]:
    """How far rows from above and from below, columns from the left and the right, are mostly of their corner's colour.

    A band with a caption, a sheet's margin, a title bar: the share of the side, up to one half.
    """
    found = []
    for corner, axis, step in ((rgb[0, 0], 1, 1), (rgb[-1, 0], 1, -1), (rgb[0, 0], 0, 1), (rgb[0, -1], 0, -1)):
        near = corner.astype(np.float64)
        alike = cv2.inRange(rgb, near - 12, near + 12)
        shares = cv2.reduce(alike, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()[::step] / 255
        half = shares[: max(1, len(shares) // 2)]
        for least in (0.55, 0.98):
            other = np.flatnonzero(half < least)
            found.append(float(other[0] if other.size else len(half)) / len(shares))
    return found


def _measure_border(rgb: NDArray[np.uint8]) -> list[float]:
    """How evenly each side of the picture is coloured: 0 where it is one colour."""
    sides = (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1])
    deviations = (cv2.meanStdDev(np.ascontiguousarray(side)[None])[1] for side in sides)
    return sorted(float(np.log1p(deviation.mean())) for deviation in deviations)


def _shares_above(steps: NDArray[np.uint8], least: int, axis: int) -> NDArray[np.float64]:
    """The share of each row (axis 1) or column (axis 0) that is larger than `least`."""
    larger = cv2.compare(steps, least, cv2.CMP_GT)  # type: ignore[call-overload]
    sums = cv2.reduce(larger, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    shares: NDArray[np.float64] = sums.astype(np.float64) / (255 * steps.shape[axis])
    return shares


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / mask.size


def _largest(values: NDArray[np.float64]) -> float:
    return float(values.max())
