"""A map of evidence laid over its picture: warm where it speaks for the answer, cold where against it."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
Floats = NDArray[np.float32]

LONGER_SIDE = 512  # pixels at most

# RGB at the two ends and half way to them: yellow on red and white on blue are told apart from each other, from
# the grey between them and, by the colour-blind, from one another.
WARM = ((235, 30, 20), (255, 225, 60))
COLD = ((30, 70, 235), (120, 235, 255))

GREY = 0.8  # how far the picture's own colours are taken back, lest they be read as evidence
OUTSIDE = 0.5  # brightness of what the model did not see
OPAQUE = 0.78  # of the strongest evidence: what it lies on stays visible
FAINT = 0.05  # shares of the strongest evidence under this are left clear
SOFT = 0.2  # standard deviation of the blur over the edges between cells, in cells


def overlay(pixels: Image.Image, cells: Floats, box: Box) -> Image.Image:
    """RGB, its longer side at most LONGER_SIDE.

    `cells` (rows from the top) cover `box`: left, top, right, bottom in `pixels`. One scale serves both signs:
    full colour is the cell that is furthest from zero.
    """
    zoom = min(1.0, LONGER_SIDE / max(pixels.size))
    size = max(1, round(pixels.width * zoom)), max(1, round(pixels.height * zoom))
    picture = _muted(np.asarray(pixels.resize(size, Image.Resampling.BOX, reducing_gap=2.0)).astype(np.float32))
    left, top, right, bottom = (round(edge * zoom) for edge in box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    seen = picture[top:bottom, left:right].copy()
    heat, opacity = _coloured(cells, width=seen.shape[1], height=seen.shape[0])
    picture *= OUTSIDE
    picture[top:bottom, left:right] = seen + opacity * (heat - seen)
    _frame(picture, left, top, right, bottom)
    return Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))


def _muted(picture: Floats) -> Floats:
    """Nearly grey, and between dark and light grey: both ends of every colour scale stand out from that."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    return 30 + (picture + GREY * (luma - picture)) * np.float32(190 / 255)


def _coloured(cells: Floats, *, width: int, height: int) -> tuple[Floats, Floats]:
    """(height, width, 3) colours and (height, width, 1) opacities 0-1."""
    strongest = max(float(np.abs(cells).max()), 1e-12)
    smooth = _smooth(cells / np.float32(strongest), width, height)[..., None]
    strength = np.abs(smooth)
    heat = np.where(smooth > 0, _ramp(WARM, strength), _ramp(COLD, strength))
    return heat, OPAQUE * np.sqrt(((strength - FAINT) / (1 - FAINT)).clip(0, 1))


def _smooth(cells: Floats, width: int, height: int) -> Floats:
    """Cells to pixels without their edges. Nothing swings over: around a warm cell no cold ring appears."""
    heat = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    rows, columns = cells.shape
    sigmas = {"sigmaX": SOFT * width / columns, "sigmaY": SOFT * height / rows}
    return cast(Floats, cv2.GaussianBlur(heat, (0, 0), borderType=cv2.BORDER_REPLICATE, **sigmas))


def _ramp(colours: tuple[tuple[int, int, int], tuple[int, int, int]], strength: Floats) -> Floats:
    low, high = (np.array(colour, np.float32) for colour in colours)
    return low + (strength * strength) * (high - low)


def _frame(picture: Floats, left: int, top: int, right: int, bottom: int) -> None:
    """Where the model's view ends: black and white, to be seen on anything."""
    for inset, colour in ((0, 0.0), (1, 255.0)):
        cv2.rectangle(picture, (left + inset, top + inset), (right - 1 - inset, bottom - 1 - inset), (colour,) * 3, 1)
