"""Crops and resizes upright RGB pixels to the tensor that a manifest's input contract asks for."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.manifest import InputContract

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

# Decode at no less than this multiple of the pixels that the tensor needs: the JPEG decoder scales with a box
# filter, and embeddings drift if nothing is left to resample after it (docs/benchmarks.md).
OVERSAMPLING = 1.5


def crop_centre(pixels: Image.Image, contract: InputContract) -> NDArray[np.uint8]:
    """The central square of `contract.crop` times the shorter side, resized: (height, width, 3) uint8 RGB.

    The square sits on whole pixels, rounded as in TensorFlow's evaluation of EfficientNet: with any
    other rounding single scores move by up to .29.
    """
    return _resize(pixels, central_square(pixels.width, pixels.height, contract.crop), contract)


def stretch(pixels: Image.Image, contract: InputContract) -> NDArray[np.uint8]:
    """All of the picture, squeezed or stretched to the contract's size: (height, width, 3) uint8 RGB."""
    return _resize(pixels, (0, 0, *pixels.size), contract)


def _resize(pixels: Image.Image, box: tuple[int, int, int, int], contract: InputContract) -> NDArray[np.uint8]:
    height, width = contract.sizes[0]
    # `reducing_gap` averages whole pixels first where four or more become one. Photographs decoded in full take a
    # fifth of the time, and embeddings keep a cosine of .999.
    return np.asarray(pixels.resize((width, height), _RESAMPLING[contract.interpolation], box=box, reducing_gap=2.0))


def central_square(width: int, height: int, crop: float) -> tuple[int, int, int, int]:
    """The box of the central square of `crop` times the shorter side: left, top, right, bottom."""
    side = max(1, int(min(width, height) * crop))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    return left, top, left + side, top + side


def required_shorter_side(contract: InputContract) -> int:
    """Pixels that the shorter side needs so that `crop_centre` or `stretch` loses nothing that matters."""
    return round(max(contract.sizes[0]) / contract.crop * OVERSAMPLING)
