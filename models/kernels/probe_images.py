"""Draws the probe images that a net is inspected with, the same everywhere, and turns pictures into its tensors.

Natural pictures show occluding things of all sizes with texture on them: the "dead leaves" of G. Matheron (1968),
whose statistics are those of photographs (A. Lee, D. Mumford and J. Huang, 2001), with noise of the spectrum 1/f
(D. Field, 1987) on each leaf. Lines of strokes, for nets that read, and faces of a few ellipses complete them.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from models.arrays import Array
from models.manifest import InputContract

PROBE_IMAGES_VERSION = 1  # baselines made with another version of the images are created anew

_SIDE = 320
_LEAVES = 1500
_SMALLEST, _LARGEST = 4, 160  # radii of leaves, pixels
_MIN_AREA = 160 * 160  # pixels at least of the size at which a net that takes several sizes is inspected

Pixels = NDArray[np.uint8]


@cache
def draw_probe_images() -> tuple[Image.Image, ...]:
    """Eight RGB pictures. RandomState, because NumPy promises that its streams never change."""
    leaves = [_draw_leaves(np.random.RandomState(seed)) for seed in range(5)]
    return (
        *leaves,
        _draw_writing(np.random.RandomState(5)),
        _draw_faces(np.random.RandomState(6), leaves[0]),
        _draw_ramp(),
    )


def probe_size(contract: InputContract) -> tuple[int, int]:
    """(height, width) to inspect a net at: the smallest of its sizes that shows enough."""
    by_area = sorted(contract.sizes, key=lambda size: size[0] * size[1])
    return next((size for size in by_area if size[0] * size[1] >= _MIN_AREA), by_area[-1])


def fit_to_input(picture: Image.Image, contract: InputContract) -> Image.Image:
    """The middle of a picture at the `probe_size` of its net."""
    height, width = probe_size(contract)
    return ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)


def to_item(picture: Image.Image, contract: InputContract) -> Array:
    """The middle of an RGB picture as the net's tensor, without batch axis."""
    rgb = np.asarray(fit_to_input(picture, contract))
    if contract.normalise == "graph":
        values: Array = rgb
    else:
        pixels = rgb[..., ::-1] if contract.colour == "BGR" else rgb
        values = (pixels - np.array(contract.mean, np.float32)) / np.array(contract.std, np.float32)
    typed = values.astype(contract.dtype)
    return typed if contract.layout == "NHWC" else np.ascontiguousarray(typed.transpose(2, 0, 1))


def to_items(pictures: Sequence[Image.Image], contract: InputContract) -> list[Array]:
    return [to_item(picture, contract) for picture in pictures]


def _draw_leaves(random: np.random.RandomState) -> Image.Image:
    """Discs with radii of density r^-3, each drawn over the earlier ones, shaded across and textured."""
    picture, texture = np.full((_SIDE, _SIDE, 3), 128.0, np.float32), _noise(random)
    for _ in range(_LEAVES):
        radius = (_LARGEST**-2 + random.random_sample() * (_SMALLEST**-2 - _LARGEST**-2)) ** -0.5
        across, down = random.random_sample(2) * _SIDE
        rows, columns = _extent(down, radius), _extent(across, radius)
        y, x = np.ogrid[rows, columns]
        inside = np.square(x - across) + np.square(y - down) < radius**2
        colour = random.random_sample() * 235 + 10 + (random.random_sample(3) - 0.5) * 120
        slope = (random.random_sample(2) - 0.5) * 80 / radius
        shade = slope[0] * (x - across) + slope[1] * (y - down) + texture[rows, columns] * random.random_sample() * 25
        picture[rows, columns][inside] = (colour + shade[..., None])[inside]
    return _to_image(picture)


def _extent(middle: float, radius: float) -> slice:
    return slice(max(0, int(middle - radius)), min(_SIDE, int(middle + radius) + 2))


def _noise(random: np.random.RandomState) -> NDArray[np.float32]:
    """Noise of spectrum 1/f and deviation 1."""
    across, down = np.fft.fftfreq(_SIDE)[None, :], np.fft.fftfreq(_SIDE)[:, None]
    falling = 1 / np.maximum(np.hypot(across, down), 1 / _SIDE)
    noise = np.fft.ifft2(np.fft.fft2(random.random_sample((_SIDE, _SIDE)) - 0.5) * falling).real
    scaled: NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return scaled


def _draw_writing(random: np.random.RandomState) -> Image.Image:
    """Lines of letter-like strokes on paper: no font, whose shapes would differ from machine to machine."""
    page = Image.new("RGB", (_SIDE, _SIDE), (244, 241, 232))
    pen = ImageDraw.Draw(page)
    for line in range(9):
        top, left, tall = 16 + line * 34, 14, 10 + 2 * (line % 4)
        while left < _SIDE - 30:
            for _ in range(3):
                ends = random.randint(0, tall, 4)
                ink = (int(20 + 15 * line), 20, 30)
                pen.line((left + ends[0], top + ends[1], left + ends[2], top + ends[3]), fill=ink, width=2)
            left += tall + (4 if random.random_sample() < 0.8 else 16)
    return page


def _draw_faces(random: np.random.RandomState, behind: Image.Image) -> Image.Image:
    """Ovals with eyes, a nose and a mouth, in skin colours light and dark."""
    picture = behind.copy()
    pen = ImageDraw.Draw(picture)
    for middle, down, size in ((160, 150, 100), (60, 240, 40), (262, 66, 44)):
        skin = np.array([230, 180, 150]) * (0.4 + 0.6 * random.random_sample())
        shapes = ((0, 0, 0.75, 1, 1.0), (-0.3, -0.2, 0.13, 0.07, 0.2), (0.3, -0.2, 0.13, 0.07, 0.2),
                  (0, 0.15, 0.08, 0.2, 0.8), (0, 0.52, 0.3, 0.09, 0.5))  # fmt: skip
        for x, y, wide, tall, light in shapes:
            fill = tuple(int(one * light) for one in skin)
            left, top = middle + (x - wide) * size, down + (y - tall) * size
            pen.ellipse((left, top, left + 2 * wide * size, top + 2 * tall * size), fill=fill)
    return picture


def _draw_ramp() -> Image.Image:
    """All greys from black to white one way, all saturations of the colours the other."""
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32) / (_SIDE - 1)
    waves = np.stack([np.sin(2 * np.pi * (x + third / 3)) for third in range(3)], -1)
    return _to_image(255 * x[..., None] + 120 * y[..., None] * waves)


def _to_image(values: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
