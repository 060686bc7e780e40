"""Converts pixels of any mode to 8-bit RGB or grey."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, JpegImagePlugin

from pipelines.image.webp import LeanWebPFile

BandConverter = Callable[[Image.Image], Image.Image]

_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")
_BAND_PIXELS = 2**18  # some megabytes as float64


def has_alpha(image: Image.Image) -> bool:
    """Whether some pixels may be transparent.

    The type is checked because a PNG's text keys share `info` with the values that its reader sets.
    """
    return image.mode in _ALPHA_MODES or isinstance(image.info.get("transparency"), int | bytes | tuple)


def to_rgb(image: Image.Image) -> Image.Image:
    """Lay transparency over white, reduce deep grey to 8 bits, and convert everything else as Pillow does.

    The result does not share memory with the reader, which may decode the next frame into it. Beside both, only a band
    of rows is in memory: of a whole floating-point picture, the steps in between would take 36 bytes a pixel.
    """
    if is_deep(image):
        return _convert_by_bands(image, "RGB", _deep_converter(image))
    if not has_alpha(image):
        image.info.pop("transparency", None)  # a text key of that name would make `convert` fail
    else:
        return _convert_by_bands(image, "RGB", _lay_over_white)
    if isinstance(image, JpegImagePlugin.JpegImageFile | LeanWebPFile) and image.mode == "RGB":
        return image  # of which no other frame will be decoded: a copy would only cost time and memory
    return image.convert("RGB")


def is_deep(image: Image.Image) -> bool:
    """Whether its pixels are grey of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def deep_to_grey(image: Image.Image) -> Image.Image:
    """Convert to mode L: the upper 8 of 16 bits; other types by the range that their values most likely use."""
    return _convert_by_bands(image, "L", _deep_converter(image))


def _convert_by_bands(image: Image.Image, mode: str, convert: BandConverter) -> Image.Image:
    result = Image.new(mode, image.size, None)
    for box in split_into_bands(image):
        result.paste(convert(image.crop(box)), box)
    return result


def split_into_bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of whole rows, from top to bottom."""
    rows = max(1, _BAND_PIXELS // max(1, image.width))
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _lay_over_white(band: Image.Image) -> Image.Image:
    rgba = band.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _deep_converter(image: Image.Image) -> BandConverter:
    """Replaces Pillow's own conversion, which clips at 255 and would turn such images white."""
    low, high = (0.0, 0.0) if image.mode.startswith("I;16") else _find_range(image)
    # Floats are mostly 0-1, integers mostly 16-bit values in 32, with a little overshoot; what fits
    # neither is stretched to its own range.
    top = next((max(limit, high) for limit in (1.0, 255.0, 65_535.0) if high <= 1.25 * limit), high)

    def convert(band: Image.Image) -> Image.Image:
        grey = np.asarray(band)
        if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
            return Image.fromarray((grey >> 8).astype(np.uint8))
        values = np.nan_to_num(grey.astype(np.float64), nan=low, posinf=top, neginf=low)
        scaled = (values - low) * (255.0 / max(top - low, 1e-12))
        return Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8))

    return convert


def _find_range(image: Image.Image) -> tuple[float, float]:
    """The least and the greatest finite value, or 0 if that is less or greater."""
    low = high = 0.0
    for box in split_into_bands(image):
        values = np.asarray(image.crop(box))
        finite = values[np.isfinite(values)]
        low, high = min(low, float(finite.min(initial=0.0))), max(high, float(finite.max(initial=0.0)))
    return low, high
