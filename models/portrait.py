"""Draws a face of soft ellipses that face detectors accept: no real person's picture is in the repository."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 480
FACE_BOX = (142.0, 105.0, 338.0, 365.0)  # x0, y0, x1, y1: from the hair to the chin

Colour = tuple[int, int, int]
Floats = NDArray[np.float32]

SKIN, SHADE, HAIR = (222, 178, 150), (170, 115, 95), (60, 40, 30)


def draw_portrait() -> Image.Image:
    """Lengths are fractions of the side."""
    canvas = _Canvas()
    canvas.ellipse(0.5, 1.15, 0.38, 0.36, (60, 70, 110))  # the shoulders
    canvas.ellipse(0.5, 0.40, 0.235, 0.30, (50, 35, 28))  # the hair
    canvas.ellipse(0.5, 0.80, 0.085, 0.16, (190, 145, 120))  # the neck
    canvas.ellipse(0.5, 0.49, 0.19, 0.265, SKIN, soft=0.12)
    canvas.shade()
    for side in (-1, 1):
        _draw_eye(canvas, 0.5 + side * 0.078, 0.455)
    canvas.ellipse(0.488, 0.53, 0.012, 0.07, (245, 205, 180), soft=0.9, strength=0.6)  # the nose
    canvas.ellipse(0.5, 0.575, 0.04, 0.02, SHADE, soft=0.8, strength=0.7)
    for side in (-1, 1):
        canvas.ellipse(0.5 + side * 0.018, 0.582, 0.009, 0.006, (90, 50, 40), soft=0.6, strength=0.9)
    canvas.ellipse(0.5, 0.655, 0.072, 0.02, (175, 80, 80), soft=0.4)  # the mouth
    canvas.ellipse(0.5, 0.653, 0.065, 0.004, (90, 35, 35), soft=0.5, strength=0.9)
    canvas.ellipse(0.5, 0.69, 0.05, 0.012, (180, 130, 110), soft=0.9, strength=0.5)
    return Image.fromarray(canvas.pixels.clip(0, 255).astype(np.uint8))


def _draw_eye(canvas: "_Canvas", x: float, y: float) -> None:
    canvas.ellipse(x, y, 0.055, 0.032, SHADE, soft=0.7, strength=0.7)
    canvas.ellipse(x, y, 0.036, 0.017, (240, 238, 235), soft=0.2)
    canvas.ellipse(x, y, 0.0165, 0.0165, (70, 45, 30), soft=0.2)
    canvas.ellipse(x, y, 0.008, 0.008, (10, 10, 10), soft=0.3)
    canvas.ellipse(x, y - 0.014, 0.04, 0.007, HAIR, soft=0.6, strength=0.9)  # the lashes
    canvas.ellipse(x, y - 0.05, 0.052, 0.011, HAIR, soft=0.5, strength=0.9)  # the brow


class _Canvas:
    """`pixels` are (SIDE, SIDE, 3)."""

    def __init__(self) -> None:
        self._y, self._x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
        self.pixels: Floats = np.full((SIDE, SIDE, 3), (120, 140, 150), np.float32)

    def ellipse(
        self, x: float, y: float, across: float, down: float, colour: Colour, *, soft: float = 0.08, strength: float = 1
    ) -> None:
        """Around (x, y), with half axes `across` and `down`; the edge fades over the fraction `soft` of the radius."""
        radius = np.hypot((self._x - x) / across, (self._y - y) / down)
        opacity = ((1 - radius) / soft).clip(0, 1)[..., None] * strength
        self.pixels = self.pixels * (1 - opacity) + np.array(colour, np.float32) * opacity

    def shade(self) -> None:
        """Darken away from a light at the upper left."""
        shade = (1 - ((self._x - 0.4375) / 0.3) ** 2 - ((self._y - 0.45) / 0.34) ** 2).clip(0, 1)
        self.pixels = self.pixels * (0.82 + 0.2 * shade[..., None])
