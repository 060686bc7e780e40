"""Upright RGB pixels to the tensor that a manifest's input contract asks for."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.manifest import ImageInput

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

# Decode at no less than this multiple of what the tensor needs: the JPEG decoder's own scaling is a box
# filter, and with nothing left to resample after it, embeddings drift (docs/benchmarks.md).
OVERSAMPLING = 1.5


def central_crop(pixels: Image.Image, contract: ImageInput) -> NDArray[np.uint8]:
    """The central square of `contract.crop` times the shorter side, resized: (height, width, 3) uint8 RGB.

    The square sits on whole pixels, rounded as in TensorFlow's evaluation of EfficientNet: with any
    other rounding single scores move by up to .29.
    """
    height, width = contract.sizes[0]
    box = central_square(pixels.width, pixels.height, contract.crop)
    # The gap: whole pixels are averaged first where four and more become one. A fifth of the time for photographs
    # decoded in full, and embeddings keep a cosine of .999.
    square = pixels.resize((width, height), _RESAMPLING[contract.interpolation], box=box, reducing_gap=2.0)
    return np.asarray(square)


def central_square(width: int, height: int, crop: float) -> tuple[int, int, int, int]:
    """The square of `crop` times the shorter side: left, top, right, bottom."""
    side = max(1, int(min(width, height) * crop))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    return left, top, left + side, top + side


def shorter_side_wanted(contract: ImageInput) -> int:
    """How many pixels the shorter side needs for `central_crop` to lose nothing that matters."""
    return round(max(contract.sizes[0]) / contract.crop * OVERSAMPLING)
