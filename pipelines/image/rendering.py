"""Renders a file's first frame as people see it: upright, in sRGB, with its transparency."""

from PIL import Image

from pipelines.image.decode import ImageLimits, open_image
from pipelines.image.plain_pixels import to_plain_srgb


def render(data: bytes, *, limits: ImageLimits, longest: int, shorter_side: int) -> Image.Image:
    """Decode a file to upright sRGB in mode L, LA, RGB or RGBA, with an empty `info`.

    The longer side gets at most `longest` pixels; `shorter_side` and the errors raised are those of `open_image`.
    """
    with open_image(data, limits=limits, shorter_side=shorter_side) as opened:
        image, _ = to_plain_srgb(opened.image)
        if longest < max(image.size):
            image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        image = opened.turn_upright(image)
    image.info = {}  # Pillow's writers would copy comments, profiles and text from it
    return image
