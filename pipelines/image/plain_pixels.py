"""Turns loaded pixels of any kind into 8-bit sRGB, with alpha only where something is transparent."""

from PIL import Image

from pipelines.image.colour_modes import is_deep, to_plain_mode
from pipelines.image.colour_profiles import convert_to_srgb, declares_colours
from pipelines.image.deep_grey import deep_to_grey
from pipelines.image.picture_facts import ProfileUse


def to_plain_srgb(image: Image.Image) -> tuple[Image.Image, ProfileUse]:
    """Mode L, LA, RGB or RGBA, and what became of the profile. `image` may be changed, and may be the result."""
    plain = deep_to_grey(image) if is_deep(image) else to_plain_mode(image)
    profile: ProfileUse = "none"
    if declares_colours(image.info):
        plain, profile = _convert_grey_layer(plain, image) if plain.mode == "LA" else convert_to_srgb(plain, image.info)
    return plain.convert("RGB") if plain.mode == "CMYK" else plain, profile


def _convert_grey_layer(plain: Image.Image, image: Image.Image) -> tuple[Image.Image, ProfileUse]:
    """Profiles of grey know no alpha."""
    converted, profile = convert_to_srgb(plain.convert("L"), image.info)
    converted.putalpha(plain.getchannel("A"))
    return converted, profile
