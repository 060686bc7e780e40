"""Brings pixels of any mode to a few plain ones of 8 bits, and lays transparent ones over a ground."""

from collections.abc import Callable, Iterator
from typing import cast

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin

from pipelines.image.webp import LeanWebPFile

BandConverter = Callable[[Image.Image], Image.Image]

WHITE = 255
_STILL_READERS = (JpegImagePlugin.JpegImageFile, LeanWebPFile)
_ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")
_GREY_MODES = ("1", "L", "LA", "La")
_BAND_PIXELS = 2**17  # a megabyte as float64


def has_alpha(image: Image.Image) -> bool:
    """Whether some pixels may be transparent.

    The type is checked because a PNG's text keys share `info` with the values that its reader sets.
    """
    return image.mode in _ALPHA_MODES or isinstance(image.info.get("transparency"), int | bytes | tuple)


def get_channel_ranges(image: Image.Image) -> tuple[tuple[int, int], ...]:
    """The least and the greatest value in each channel of a picture that has several, of 8 bits."""
    return cast(tuple[tuple[int, int], ...], image.getextrema())


def is_deep(image: Image.Image) -> bool:
    """Whether its pixels are grey of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def to_plain_mode(image: Image.Image) -> Image.Image:
    """Mode L, LA, RGB, RGBA or CMYK of a picture that is not deep, with alpha only where something is transparent.

    The result does not share memory with a reader that may decode the next frame into it. Where there is no such frame
    it may be `image` itself: a copy would only cost time and memory.
    """
    opaque, transparent = ("L", "LA") if image.mode in _GREY_MODES else ("RGB", "RGBA")
    if has_alpha(image):
        layered = image if image.mode == transparent else image.convert("RGBA")
        mode = opaque if get_channel_ranges(layered)[-1] == (255, 255) else transparent
        return layered if layered.mode == mode and _is_free(layered) else layered.convert(mode)
    image.info.pop("transparency", None)  # a text key of that name would make `convert` fail
    mode = "CMYK" if image.mode == "CMYK" else opaque
    return image if image.mode == mode and _is_free(image) else image.convert(mode)


def _is_free(image: Image.Image) -> bool:
    """Whether no reader will decode another frame into it."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return not image.is_animated
    return not isinstance(image, ImageFile.ImageFile) or isinstance(image, _STILL_READERS)


def flatten(image: Image.Image) -> Image.Image:
    """A picture of mode L, LA, RGB or RGBA as RGB, over white."""
    if image.mode in ("LA", "RGBA"):
        return lay_over(image, WHITE)
    return image if image.mode == "RGB" else image.convert("RGB")


def lay_over(image: Image.Image, level: int, scale: int = 1) -> Image.Image:
    """A picture of mode LA or RGBA over a ground of this grey level, as RGB, at the inverse of `scale`."""

    def lay_band(band: Image.Image) -> Image.Image:
        ground = Image.new("RGBA", band.size, (level, level, level, 255))
        return Image.alpha_composite(ground, band.convert("RGBA")).convert("RGB")

    return convert_by_bands(image, "RGB", lay_band, scale)


def convert_by_bands(image: Image.Image, mode: str, convert: BandConverter, scale: int = 1) -> Image.Image:
    """The picture at the inverse of `scale`. Beside both pictures, only a band of rows is in memory."""
    result = Image.new(mode, (-(-image.width // scale), -(-image.height // scale)), None)
    for box in split_into_bands(image, scale):
        band = convert(image.crop(box))
        result.paste(band if scale == 1 else band.reduce(scale), (0, box[1] // scale))
    return result


def split_into_bands(image: Image.Image, scale: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of whole rows, from top to bottom; their number, the last box's aside, is a multiple of `scale`."""
    rows = max(1, _BAND_PIXELS // max(1, image.width) // scale) * scale
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)
