"""An image made anew from its pixels alone: upright, in sRGB, without metadata or anything else from its file.

file ─► first frame ─► 8 bits ─► smaller ─► sRGB ─► upright ─► new file
"""

import io
from dataclasses import dataclass
from math import ceil
from typing import Literal

from PIL import Image, ImageCms
from pydantic import BaseModel, ConfigDict, Field

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.image.colour_modes import deep_to_grey, has_alpha, is_deep
from pipelines.image.decode import Limits, Picture, opened
from pipelines.image.formats import is_lossless
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed, Wire

FileFormat = Literal["jpeg", "png", "webp"]

LONGEST_SIDES: dict[FileFormat, int] = {"jpeg": 65_535, "webp": 16_383}  # PNG has no limit that matters
# On photographs the levels above it take up to three times as long for a file of the same size.
PNG_LEVEL = 3
# A JPEG that is made smaller is decoded with at least this multiple of the pixels that are asked for.
OVERSAMPLING = 2


class SanitizeOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["auto", "jpeg", "png", "webp"] = Field(
        default="auto", description="auto: PNG or WebP where the file is lossless or transparent, else JPEG or WebP"
    )
    quality: int = Field(default=90, ge=1, le=100, description="of JPEG and lossy WebP")
    max_side: int | None = Field(default=None, ge=1, le=16_383, description="shrink to this longer side, in pixels")


class Sanitized(Wire):
    """`data` is the new file, `frames` how many the old one had; the first was kept."""

    data: bytes
    media_type: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class SanitizePipeline:
    """`limits` are those under which the picture was decoded: its file is opened once more, with alpha and profile."""

    limits: Limits
    pool: CpuPool
    name: str = "sanitize"

    def models(self, options: SanitizeOptions) -> list[ModelUsed]:
        return []

    def shorter_side(self, options: SanitizeOptions) -> int:
        """Next to nothing: the pixels are taken from the file."""
        return 1

    async def run(self, picture: Picture, options: SanitizeOptions, context: RunContext) -> Sanitized:
        """Raises a kind of ImageRejected, and RequestRejected for more pixels a side than the format can have."""
        with context.stage("render"):
            image = await self.pool.run(render, picture, options, self.limits)
        format = chosen_format(picture, options.format, transparent=image.mode in ("LA", "RGBA"))
        lossless = options.format == "auto" and is_lossless(picture.data, picture.format)
        _check_sides(image, format)
        with context.stage("encode"):
            data = await self.pool.run(encode, image, format, quality=options.quality, lossless=lossless)
        return Sanitized(
            data=data, media_type=f"image/{format}", width=image.width, height=image.height, frames=picture.frames
        )

    def brief(self, result: Sanitized) -> str:
        return f"Sanitised: {result.media_type}, {result.width} x {result.height} pixels."


def chosen_format(picture: Picture, asked: Literal["auto"] | FileFormat, *, transparent: bool) -> FileFormat:
    """What "auto" means for this file: nothing is lost that the file had, and photographs stay small."""
    if asked != "auto":
        return asked
    if picture.format == "WEBP" or (transparent and not is_lossless(picture.data, picture.format)):
        return "webp"
    return "png" if is_lossless(picture.data, picture.format) else "jpeg"


def _check_sides(image: Image.Image, format: FileFormat) -> None:
    longest, most = max(image.size), LONGEST_SIDES.get(format)
    if most is not None and longest > most:
        raise RequestRejected(f"{format} can have {most:,} pixels a side, this image has {longest:,}; give max_side")


def render(picture: Picture, options: SanitizeOptions, limits: Limits) -> Image.Image:
    """The picture's file as upright sRGB in mode L, LA, RGB or RGBA, with nothing in its `info`."""
    size = (picture.width, picture.height)
    longest = options.max_side or max(size)
    side = ceil(min(size) * longest / max(size) * OVERSAMPLING)
    with opened(picture.data, limits=limits, shorter_side=side) as found:
        profile = found.image.info.get("icc_profile")
        image = _plain(found.image)
        if longest < max(image.size):
            image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        image = found.upright(_in_srgb(image, profile if isinstance(profile, bytes) else None))
    image.info = {}  # Pillow's writers would take comments, profiles and text from it
    return image


def encode(image: Image.Image, format: FileFormat, *, quality: int, lossless: bool) -> bytes:
    """The file. A JPEG shows white where the image is transparent."""
    file = io.BytesIO()
    if format == "jpeg":
        _on_white(image).save(file, "JPEG", quality=quality)
    elif format == "png":
        image.save(file, "PNG", compress_level=PNG_LEVEL)
    else:
        image.save(file, "WEBP", quality=quality, lossless=lossless, exact=lossless)
    return file.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """A copy in mode L, LA, RGB, RGBA or CMYK; alpha only where something is transparent."""
    if is_deep(image):
        return deep_to_grey(image)
    grey = image.mode in ("1", "L", "LA", "La")
    if not has_alpha(image):
        image.info.pop("transparency", None)  # a text key of that name would make `convert` fail
        return image.convert("CMYK" if image.mode == "CMYK" else "L" if grey else "RGB")
    found = image.convert("RGBA")
    lowest, _ = found.getchannel("A").getextrema()
    return found.convert(("LA" if grey else "RGBA") if lowest != 255 else ("L" if grey else "RGB"))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Mode L, LA, RGB or RGBA; a profile that is damaged, or not one for this kind of pixels, counts as sRGB's."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    if profile:
        colours = _converted(colours, profile)
    if colours.mode == "CMYK":
        colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


def _converted(colours: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source) and colours.mode != "CMYK":
            return colours  # exact: the conversion would round
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return colours
    assert converted is not None
    return converted


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
