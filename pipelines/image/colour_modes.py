"""Converts pixels of any mode to 8-bit RGB or grey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")


def has_alpha(image: Image.Image) -> bool:
    """Whether some pixels may be transparent.

    The type is checked because a PNG's text keys share `info` with the values that its reader sets.
    """
    return image.mode in _ALPHA_MODES or isinstance(image.info.get("transparency"), int | bytes | tuple)


def to_rgb(image: Image.Image) -> Image.Image:
    """Lay transparency over white, reduce deep grey to 8 bits, and convert everything else as Pillow does.

    The result does not share memory with the reader, which may decode the next frame into it.
    """
    if is_deep(image):
        return deep_to_grey(image).convert("RGB")
    if not has_alpha(image):
        image.info.pop("transparency", None)  # a text key of that name would make `convert` fail
    else:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "RGB":
        return image  # one frame, decoded once: a copy would only cost time
    return image.convert("RGB")


def is_deep(image: Image.Image) -> bool:
    """Whether its pixels are grey of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def deep_to_grey(image: Image.Image) -> Image.Image:
    """Convert to mode L: the upper 8 of 16 bits; other types by the range that their values most likely use."""
    return Image.fromarray(_to_8_bits(np.asarray(image)))


def _to_8_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Replaces Pillow's own conversion, which clips at 255 and would turn such images white."""
    if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
        return (grey >> 8).astype(np.uint8)
    values = grey.astype(np.float64)
    finite = values[np.isfinite(values)]
    low = min(0.0, float(finite.min(initial=0.0)))
    high = float(finite.max(initial=0.0))
    # Floats are mostly 0-1, integers mostly 16-bit values in 32, with a little overshoot; what fits
    # neither is stretched to its own range.
    top = next((max(limit, high) for limit in (1.0, 255.0, 65_535.0) if high <= 1.25 * limit), high)
    scaled = (np.nan_to_num(values, nan=low, posinf=top, neginf=low) - low) * (255.0 / max(top - low, 1e-12))
    return scaled.round().clip(0, 255).astype(np.uint8)
