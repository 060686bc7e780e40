"""Draws a map of evidence over its picture: warm where it supports the class, cold where it opposes it."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.boxes import Box

Floats = NDArray[np.float32]

LONGER_SIDE = 512  # pixels at most

# RGB from weak to strong evidence. Red to yellow and blue to white can be distinguished from each other and from the
# grey between them, also by the colour-blind.
WARM = ((235, 30, 20), (255, 225, 60))
COLD = ((30, 70, 235), (120, 235, 255))

DESATURATION = 0.8  # of the picture's own colours, so that they are not mistaken for evidence
OUTSIDE_BRIGHTNESS = 0.5  # of the part that the model did not see
MAX_OPACITY = 0.78  # of the strongest evidence: the picture below stays visible
FAINTEST = 0.05  # evidence below this share of the strongest is not drawn
BLUR = 0.2  # standard deviation of the blur over the edges between cells, in cells


def draw_overlay(pixels: Image.Image, cells: Floats, box: Box) -> Image.Image:
    """An RGB picture whose longer side is at most LONGER_SIDE.

    `cells` (rows from the top) cover `box`: left, top, right, bottom in `pixels`. Both signs share one scale: the
    cell furthest from zero has the full colour.
    """
    zoom = min(1.0, LONGER_SIDE / max(pixels.size))
    size = max(1, round(pixels.width * zoom)), max(1, round(pixels.height * zoom))
    picture = _mute(np.asarray(pixels.resize(size, Image.Resampling.BOX, reducing_gap=2.0)).astype(np.float32))
    left, top, right, bottom = (round(edge * zoom) for edge in box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    inside = picture[top:bottom, left:right].copy()
    heat, opacity = _colour_cells(cells, width=inside.shape[1], height=inside.shape[0])
    picture *= OUTSIDE_BRIGHTNESS
    picture[top:bottom, left:right] = inside + opacity * (heat - inside)
    _draw_frame(picture, left, top, right, bottom)
    return Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))


def _mute(picture: Floats) -> Floats:
    """Nearly grey, without very dark or very light tones: both ends of each colour scale stand out from that."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    return 30 + (picture + DESATURATION * (luma - picture)) * np.float32(190 / 255)


def _colour_cells(cells: Floats, *, width: int, height: int) -> tuple[Floats, Floats]:
    """(height, width, 3) colours and (height, width, 1) opacities 0-1."""
    strongest = max(float(np.abs(cells).max()), 1e-12)
    smooth = _interpolate(cells / np.float32(strongest), width, height)[..., None]
    strength = np.abs(smooth)
    heat = np.where(smooth > 0, _ramp(WARM, strength), _ramp(COLD, strength))
    return heat, MAX_OPACITY * np.sqrt(((strength - FAINTEST) / (1 - FAINTEST)).clip(0, 1))


def _interpolate(cells: Floats, width: int, height: int) -> Floats:
    """Smooth cells to pixels. Linear, so nothing overshoots: no cold ring appears around a warm cell."""
    heat = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    rows, columns = cells.shape
    sigmas = {"sigmaX": BLUR * width / columns, "sigmaY": BLUR * height / rows}
    return cast(Floats, cv2.GaussianBlur(heat, (0, 0), borderType=cv2.BORDER_REPLICATE, **sigmas))


def _ramp(colours: tuple[tuple[int, int, int], tuple[int, int, int]], strength: Floats) -> Floats:
    low, high = (np.array(colour, np.float32) for colour in colours)
    return low + (strength * strength) * (high - low)


def _draw_frame(picture: Floats, left: int, top: int, right: int, bottom: int) -> None:
    """Frame the model's view in black and white, which shows on any picture."""
    for inset, colour in ((0, 0.0), (1, 255.0)):
        cv2.rectangle(picture, (left + inset, top + inset), (right - 1 - inset, bottom - 1 - inset), (colour,) * 3, 1)
