"""PDQ: a perceptual hash of 256 bits that survives scaling and recompression, and how much there is to hash.

Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (hashing.pdf of ThreatExchange,
2019); its code is under the BSD licence, this is our own after the paper.

    luma ─► box filter, twice ─► 64 x 64 ─► DCT ─► 16 x 16 low frequencies ─► over their median? ─► 256 bits
                                    └─► gradients ─► quality 0-100

Up to 512 pixels a side, bits and quality are exactly those of the `pdqhash` package: sums are single precision
and in its order, for in a symmetrical drawing half of the frequencies are rounding errors. Larger images are
brought to 512 x 512 first, as by Meta's own tool.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

SIDE, LOW = 64, 16  # the reduced image; its frequencies 1 to 16 are kept, 0 is brightness
LARGEST = 512  # pixels a side
BLOCK = LARGEST // SIDE
SMALLEST = 5
HASHABLE = 50  # quality; under it a hash says so little that Meta advises to drop it

_COSINES = np.float32((2 / SIDE) ** 0.5) * np.cos(np.pi / (2 * SIDE) * np.outer(np.arange(1, 17), np.arange(1, 128, 2)))
_DCT: Floats = _COSINES.astype(np.float32)  # (LOW, SIDE)


@dataclass(frozen=True, slots=True)
class Pdq:
    """`hashes[0]`, 32 bytes, is the image's hash; a list may have it under any of the others instead.

    These are: that of the image at its full size, to 1 bit on average, where it is over 512 pixels (`pdqhash`
    itself scales nothing, and its result depends on the size), and the other seven ways to turn and mirror it.
    """

    hashes: tuple[bytes, ...]
    quality: int

    @property
    def is_hashable(self) -> bool:
        return self.quality >= HASHABLE


def pdq(pixels: Image.Image, width: int, height: int, *, dihedral: bool = False) -> Pdq:
    """Hash upright RGB `pixels`, of which the original had `width` x `height`.

    4 ms on one core for 512 x 341, 8 for 512 x 512. Where the original has more, so should `pixels`. With
    `dihedral`, all eight ways to turn and mirror the image are hashed.
    """
    if min(width, height) < SMALLEST:
        return Pdq((bytes(32),), 0)
    is_large = max(width, height) > LARGEST
    if is_large:
        pixels = pixels.resize((LARGEST, LARGEST), Image.Resampling.BOX, reducing_gap=1.0)
    luma = _luma(np.asarray(pixels))
    reduced = _reduce(luma)
    views = [_frequencies(reduced)]
    if is_large and min(width, height) >= SIDE:
        views.append(_frequencies(_reduce_as(luma, width, height)))
    if dihedral:
        views = [turned for view in views for turned in _dihedral(view)]
    return Pdq(tuple(_bits(view) for view in views), _quality(reduced))


def _luma(rgb: NDArray[np.uint8]) -> Floats:
    luma = rgb[..., 0] * 0.299
    luma += rgb[..., 1] * 0.587
    luma += rgb[..., 2] * 0.114
    return luma.astype(np.float32)


def _reduce(luma: Floats) -> Floats:
    """(h, w) to (SIDE, SIDE): a box filter along rows and columns, twice, and one pixel of each block."""
    height, width = luma.shape
    if height == width == SIDE:
        return luma
    rows, columns = _windows(height), _windows(width)
    for last in (False, True):
        luma = _box(_turned(luma), columns, last=last)
        luma = _box(_turned(luma), rows, last=last)
    return luma


def _turned(luma: Floats) -> Floats:
    turned: Floats = np.asarray(cv2.transpose(luma), np.float32)  # in a fifth of the time that numpy takes
    return turned


@dataclass(frozen=True, slots=True)
class _Windows:
    """A box filter over `count` values, two passes of which make a block: `first[i]` to `end[i]` around value i."""

    size: int
    ahead: int
    first: NDArray[np.intp]
    end: NDArray[np.intp]
    kept: NDArray[np.intp]  # (SIDE,): the centre of each block


@lru_cache(1024)
def _windows(count: int) -> _Windows:
    size = -(-count // (2 * SIDE))
    ahead = size // 2 + 1
    places = np.arange(count)
    kept = ((np.arange(SIDE) + 0.5) * count / SIDE).astype(np.intp)
    return _Windows(size, ahead, np.maximum(places - size + ahead, 0), np.minimum(places + ahead, count), kept)


def _box(values: Floats, windows: _Windows, *, last: bool) -> Floats:
    """Means of running windows along the first axis, of all places or, in the last pass, of those that are kept.

    Running sums, one row after the other: summed in any other order they would be rounded differently.
    """
    count, size, ahead = len(values), windows.size, windows.ahead
    sums = np.zeros((count + ahead, values.shape[1]), np.float32)
    rows, steps = list(values), list(sums)  # views: indexing an array in the loop would take half of the time
    for row, before, sum in zip(rows, steps, steps[1 : size + 1], strict=False):
        np.add(before, row, sum)
    for row, old, before, sum in zip(rows[size:], rows, steps[size:], steps[size + 1 :], strict=False):
        np.add(before, row, sum)
        np.subtract(sum, old, sum)
    for old, before, sum in zip(rows[count - size :], steps[count:], steps[count + 1 :], strict=False):
        np.subtract(before, old, sum)
    kept = windows.kept if last else np.arange(count)
    means: Floats = sums[kept + ahead]
    means /= (windows.end - windows.first)[kept, None].astype(np.float32)
    return means


def _reduce_as(luma: Floats, width: int, height: int) -> Floats:
    """(LARGEST, LARGEST) to (SIDE, SIDE), as if the image still had `width` x `height` pixels.

    Two sizes of an image have hashes that differ: windows have whole pixels, and those of an even number lie
    beside their centre.
    """
    for count in (height, width):
        edges = np.pad(luma, ((BLOCK, BLOCK), (0, 0)))
        around = np.lib.stride_tricks.sliding_window_view(edges, 3 * BLOCK, axis=0)[::BLOCK]  # (SIDE, LARGEST, 24)
        # Not a matrix product: its library starts threads for it, and fights over cores with the runtime's.
        luma = cast(Floats, np.einsum("ik,ijk->ji", _weights(count), around))
    return luma


@lru_cache(256)
def _weights(count: int) -> Floats:
    """(SIDE, 24): what `_reduce` does along an axis of `count` pixels, for cells of LARGEST around each block."""
    windows = _windows(count)
    share = 1 / (windows.end - windows.first)
    weights = np.zeros((SIDE, count + 1))
    for row, kept in zip(weights, windows.kept, strict=True):
        for place in range(windows.first[kept], windows.end[kept]):
            row[windows.first[place] + 1 : windows.end[place] + 1] += share[place] * share[kept]
    edges = np.arange(LARGEST + 1) * (count / LARGEST)
    sums = [np.interp(edges, np.arange(count + 1), np.cumsum(row)) for row in weights]
    cells = np.pad(np.diff(sums, axis=1), ((0, 0), (BLOCK, BLOCK)))
    around = [row[start : start + 3 * BLOCK] for row, start in zip(cells, range(0, LARGEST, BLOCK), strict=True)]
    return np.array(around, np.float32)


def _frequencies(reduced: Floats) -> Floats:
    """(SIDE, SIDE) to (LOW, LOW); added up one by one, as in `_box`."""
    half = np.zeros((LOW, SIDE), np.float32)
    for cosines, row in zip(_DCT.T, reduced, strict=True):
        half += cosines[:, None] * row
    low = np.zeros((LOW, LOW), np.float32)
    for cosines, column in zip(_DCT.T, half.T, strict=True):
        low += column[:, None] * cosines
    return low


def _dihedral(low: Floats) -> list[Floats]:
    """All eight ways to turn and mirror: a mirrored cosine of odd symmetry changes its sign."""
    signs = np.where(np.arange(LOW) % 2, 1, -1).astype(np.float32)
    flips: list[Floats] = [low, low * signs, low * signs[:, None], low * signs * signs[:, None]]
    return [turned for flip in flips for turned in (flip, flip.T)]


def _bits(low: Floats) -> bytes:
    """Which frequencies are over the lower median, the last one first."""
    median = np.partition(low, LOW * LOW // 2 - 1, axis=None)[LOW * LOW // 2 - 1]
    return np.packbits((low > median).ravel()[::-1]).tobytes()


def _quality(reduced: Floats) -> int:
    """Steps between neighbours in hundredths of the range, cut to whole ones: noise does not count."""
    steps = (np.diff(reduced, axis=axis) * np.float32(100) / np.float32(255) for axis in (0, 1))
    return min(sum(int(np.abs(np.trunc(step)).sum()) for step in steps) // 90, 100)
