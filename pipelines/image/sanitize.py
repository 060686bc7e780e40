"""Pipeline "sanitize": writes a new image file from the pixels alone: upright, in sRGB, without metadata.

file ─► first frame ─► 8 bits ─► smaller ─► sRGB ─► upright ─► new file
"""

import io
from dataclasses import dataclass
from math import ceil
from typing import Literal

from PIL import Image, ImageCms

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.image.colour_modes import deep_to_grey, has_alpha, is_deep
from pipelines.image.decode import ImageLimits, Picture, open_image
from pipelines.image.formats import is_lossless
from pipelines.image.sanitize_types import OutputFormat, SanitizedImage, SanitizeOptions
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

LONGEST_SIDES: dict[OutputFormat, int] = {"jpeg": 65_535, "webp": 16_383}  # PNG has no limit that matters
# On photographs, higher levels take up to three times as long for a file of the same size.
PNG_LEVEL = 3
# A JPEG that is shrunk is decoded with at least this multiple of the pixels that are asked for.
OVERSAMPLING = 2


@dataclass(frozen=True)
class SanitizePipeline:
    """`limits` are those under which the picture was decoded; its file is opened again, for alpha and profile."""

    limits: ImageLimits
    pool: CpuPool
    name: str = "sanitize"

    def models(self, options: SanitizeOptions) -> list[ModelUsed]:
        return []

    def shorter_side(self, options: SanitizeOptions) -> int:
        """The smallest possible: the pixels are read from the file again."""
        return 1

    async def run(self, picture: Picture, options: SanitizeOptions, context: RunContext) -> SanitizedImage:
        """Raises a kind of ImageRejected, and RequestRejected for more pixels a side than the format can have."""
        with context.stage("render"):
            image = await self.pool.run(render, picture, options, self.limits)
        format = choose_format(picture, options.format, transparent=image.mode in ("LA", "RGBA"))
        lossless = options.format == "auto" and is_lossless(picture.data, picture.format)
        _check_sides(image, format)
        with context.stage("encode"):
            data = await self.pool.run(encode, image, format, quality=options.quality, lossless=lossless)
        return SanitizedImage(
            data=data, media_type=f"image/{format}", width=image.width, height=image.height, frames=picture.frames
        )

    def describe(self, result: SanitizedImage) -> str:
        return f"Sanitised: {result.media_type}, {result.width} x {result.height} pixels."


def choose_format(picture: Picture, asked: Literal["auto"] | OutputFormat, *, transparent: bool) -> OutputFormat:
    """Resolve "auto": a format that loses nothing the file had and keeps photographs small."""
    if asked != "auto":
        return asked
    if picture.format == "WEBP" or (transparent and not is_lossless(picture.data, picture.format)):
        return "webp"
    return "png" if is_lossless(picture.data, picture.format) else "jpeg"


def _check_sides(image: Image.Image, format: OutputFormat) -> None:
    longest, most = max(image.size), LONGEST_SIDES.get(format)
    if most is not None and longest > most:
        raise RequestRejected(f"{format} can have {most:,} pixels a side, this image has {longest:,}; give max_side")


def render(picture: Picture, options: SanitizeOptions, limits: ImageLimits) -> Image.Image:
    """Decode the picture's file to upright sRGB in mode L, LA, RGB or RGBA, with an empty `info`."""
    size = (picture.width, picture.height)
    longest = options.max_side or max(size)
    side = ceil(min(size) * longest / max(size) * OVERSAMPLING)
    with open_image(picture.data, limits=limits, shorter_side=side) as opened:
        profile = opened.image.info.get("icc_profile")
        image = _to_plain_mode(opened.image)
        if longest < max(image.size):
            image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        image = opened.turn_upright(_to_srgb(image, profile if isinstance(profile, bytes) else None))
    image.info = {}  # Pillow's writers would copy comments, profiles and text from it
    return image


def encode(image: Image.Image, format: OutputFormat, *, quality: int, lossless: bool) -> bytes:
    """Encode the file. A JPEG shows white where the image is transparent."""
    file = io.BytesIO()
    if format == "jpeg":
        _flatten_on_white(image).save(file, "JPEG", quality=quality)
    elif format == "png":
        image.save(file, "PNG", compress_level=PNG_LEVEL)
    else:
        image.save(file, "WEBP", quality=quality, lossless=lossless, exact=lossless)
    return file.getvalue()


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


def _flatten_on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
