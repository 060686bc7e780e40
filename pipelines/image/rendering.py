"""Renders a file's first frame as people see it: upright, in sRGB, with its transparency."""

import io

from PIL import Image, ImageCms

from pipelines.image.colour_modes import deep_to_grey, has_alpha, is_deep
from pipelines.image.decode import ImageLimits, open_image


def render(data: bytes, *, limits: ImageLimits, longest: int, shorter_side: int) -> Image.Image:
    """Decode a file to upright sRGB in mode L, LA, RGB or RGBA, with an empty `info`.

    The longer side gets at most `longest` pixels; `shorter_side` and the errors raised are those of `open_image`.
    """
    with open_image(data, limits=limits, shorter_side=shorter_side) as opened:
        profile = opened.image.info.get("icc_profile")
        image = _to_plain_mode(opened.image)
        if longest < max(image.size):
            image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        image = opened.turn_upright(_to_srgb(image, profile if isinstance(profile, bytes) else None))
    image.info = {}  # Pillow's writers would copy comments, profiles and text from it
    return image


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """A copy in mode L, LA, RGB, RGBA or CMYK; with alpha only if something is transparent."""
    if is_deep(image):
        return deep_to_grey(image)
    grey = image.mode in ("1", "L", "LA", "La")
    if not has_alpha(image):
        image.info.pop("transparency", None)  # a text key of that name would make `convert` fail
        return image.convert("CMYK" if image.mode == "CMYK" else "L" if grey else "RGB")
    rgba = image.convert("RGBA")
    lowest, _ = rgba.getchannel("A").getextrema()
    return rgba.convert(("LA" if grey else "RGBA") if lowest != 255 else ("L" if grey else "RGB"))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Mode L, LA, RGB or RGBA; a profile that is damaged, or does not fit this kind of pixels, counts as sRGB."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    if profile:
        colours = _apply_profile(colours, profile)
    if colours.mode == "CMYK":
        colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


def _apply_profile(colours: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source) and colours.mode != "CMYK":
            return colours  # exact: the conversion would round
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return colours
    assert converted is not None
    return converted
