"""Measures an image without any model: colours, sharpness, exposure, perceptual hash."""

from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.types import Appearance, Colour

LONGER_SIDE = 384  # sharpness depends on scale, so larger images are measured at this one
# Variance of the Laplacian: none of 60 photographs was below it; all were after a Gaussian blur of 2 pixels.
BLURRED_BELOW = 4e-4
_LEVELS = np.arange(256) / 255
_COSINES = np.cos(np.pi / 64 * (2 * np.arange(32) + 1) * np.arange(8)[:, None])  # (8, 32): the DCT-II's first rows

SMALLEST_SHARE = 0.03
MOST_COLOURS = 5

# Everyday names, each with a typical sRGB value.
COLOUR_NAMES = {
    "black": (15, 15, 15), "dark grey": (70, 70, 70), "grey": (128, 128, 128), "light grey": (200, 200, 200),
    "white": (248, 248, 248), "red": (205, 30, 35), "dark red": (110, 15, 20), "pink": (240, 160, 185),
    "orange": (240, 130, 25), "brown": (115, 70, 35), "dark brown": (60, 38, 24), "tan": (200, 165, 125),
    "beige": (230, 215, 190), "yellow": (240, 220, 50), "gold": (195, 155, 40), "olive": (115, 115, 45),
    "green": (45, 145, 55), "dark green": (20, 70, 35), "light green": (150, 210, 140), "teal": (20, 125, 125),
    "cyan": (70, 205, 220), "light blue": (155, 195, 235), "blue": (40, 90, 200), "dark blue": (15, 20, 110),
    "purple": (115, 50, 145), "lavender": (185, 165, 220), "magenta": (205, 45, 150),
}  # fmt: skip


def measure_appearance(pixels: Image.Image) -> Appearance:
    """Measure upright RGB `pixels`; 1 to 2 ms on one core."""
    grey = pixels.convert("L")
    grey.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    counts = np.asarray(grey.histogram(), np.float64) / (grey.width * grey.height)
    brightness = float(counts @ _LEVELS)
    contrast = float(counts @ (_LEVELS - brightness) ** 2) ** 0.5
    exposure = _classify_exposure(brightness, contrast)
    sharpness = laplacian_variance(np.asarray(grey, np.float32))
    return Appearance(
        colours=_find_colours(pixels),
        sharpness=round(sharpness, 6),
        is_blurred=sharpness < BLURRED_BELOW and exposure != "flat",
        brightness=round(brightness, 4),
        contrast=round(contrast, 4),
        clipped_dark=round(float(counts[:4].sum()), 4),
        clipped_bright=round(float(counts[252:].sum()), 4),
        exposure=exposure,
        perceptual_hash=_perceptual_hash(grey),
    )


def laplacian_variance(luma: NDArray[np.float32]) -> float:
    """Sharpness of (h, w) luma in 0-255: the variance of its Laplacian on a scale of 0-1; 0 below 3 x 3 pixels."""
    if min(luma.shape) < 3:
        return 0.0
    laplacian = cv2.Laplacian(luma, cv2.CV_32F)[1:-1, 1:-1]  # at the border there is nothing to compare with
    _, deviation = cv2.meanStdDev(laplacian)
    return float(deviation[0, 0] / 255) ** 2


def _classify_exposure(brightness: float, contrast: float) -> Literal["normal", "dark", "bright", "flat"]:
    if contrast < 0.03:
        return "flat"
    if brightness < 0.18:
        return "dark"
    return "bright" if brightness > 0.85 else "normal"


def _perceptual_hash(grey: Image.Image) -> str:
    """pHash as in the ImageHash library: signs of the 8 x 8 lowest cosine frequencies around their median."""
    # `reducing_gap` takes a third of the time; on 80 photographs no further bit differed from ImageHash's result.
    small = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=3.0), np.float64)
    low = _COSINES @ small @ _COSINES.T
    return np.packbits(low > np.median(low)).tobytes().hex()


def _find_colours(pixels: Image.Image) -> list[Colour]:
    """Name the colours of 4096 evenly spread pixels; names with too few pixels are dropped.

    Samples single pixels, not averages: where a red thing meets a green one, averages would find brown.
    """
    tiny = np.asarray(pixels.resize((64, 64), Image.Resampling.NEAREST))
    red, green, blue = (tiny >> 3).reshape(-1, 3).T
    names = _nearest_names()[red, green, blue]
    counts = np.bincount(names, minlength=len(COLOUR_NAMES))
    best = [int(name) for name in np.argsort(-counts, kind="stable")[:MOST_COLOURS]]
    rows = tiny.reshape(-1, 3)
    return [
        Colour(
            name=list(COLOUR_NAMES)[name],
            hex="#" + bytes(rows[names == name].mean(0).round().astype(np.uint8)).hex(),
            share=round(counts[name] / len(rows), 3),
        )
        for name in best
        if counts[name] >= SMALLEST_SHARE * len(rows)
    ]


@cache
def _nearest_names() -> NDArray[np.intp]:
    """(32, 32, 32): the nearest name for each colour at 5 bits per channel."""
    steps = np.arange(32) * 8.0 + 4.0
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1)
    named = _to_lab(np.array(list(COLOUR_NAMES.values()), np.float64))
    lab = _to_lab(cube)
    distances = np.stack([np.linalg.norm(lab - colour, axis=-1) for colour in named])
    nearest: NDArray[np.intp] = distances.argmin(0)
    return nearest


def _to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB 0-255 to CIE L*a*b* under D65, where distance approximates how different two colours look."""
    linear = np.where(rgb / 255 <= 0.04045, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
