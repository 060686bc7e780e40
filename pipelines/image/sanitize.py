"""Pipeline "sanitize": writes a new image file from the pixels alone: upright, in sRGB, without metadata.

file ─► first frame ─► 8 bits ─► smaller ─► sRGB ─► upright ─► new file
"""

import io
from dataclasses import dataclass
from math import ceil
from typing import Literal

from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decode_cost import PIPELINE_BYTES, estimate_decode_bytes
from pipelines.image.decoders import Decoders
from pipelines.image.formats import is_lossless
from pipelines.image.sanitize_types import OutputFormat, SanitizedImage, SanitizeOptions
from pipelines.prompt import PromptContext
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
    decoders: Decoders
    name: str = "sanitize"

    def models(self, options: SanitizeOptions) -> list[ModelUsed]:
        return []

    def shorter_side(self, options: SanitizeOptions) -> int:
        """The smallest possible: the pixels are read from the file again."""
        return 1

    async def run(self, picture: Picture, options: SanitizeOptions, context: RunContext) -> SanitizedImage:
        """Raises a kind of ImageRejected, and RequestRejected for more pixels a side than the format can have."""
        async with context.admitted.charge_further(await self._estimate_bytes(picture, options)):
            with context.stage("render"):
                image = await self._render(picture, options)
            format = choose_format(picture, options.format, transparent=image.mode in ("LA", "RGBA"))
            lossless = options.format == "auto" and is_lossless(picture.data, picture.format)
            _check_sides(image, format)
            with context.stage("encode"):
                data = await self.pool.run(encode, image, format, quality=options.quality, lossless=lossless)
        return SanitizedImage(
            data=data, media_type=f"image/{format}", width=image.width, height=image.height, frames=picture.frames
        )

    async def _render(self, picture: Picture, options: SanitizeOptions) -> Image.Image:
        longest, side = _longest_and_shorter_side(picture, options)
        return await self.decoders.render(picture.data, limits=self.limits, longest=longest, shorter_side=side)

    async def _estimate_bytes(self, picture: Picture, options: SanitizeOptions) -> int:
        """Memory that decoding once more takes beyond what a pipeline has anyway."""
        _, side = _longest_and_shorter_side(picture, options)
        cost = await self.pool.run(estimate_decode_bytes, picture.data, limits=self.limits, shorter_side=side)
        return max(0, cost - picture.pixels.width * picture.pixels.height * PIPELINE_BYTES)

    def describe(self, result: SanitizedImage, context: PromptContext) -> str:
        return f"Sanitised: {result.media_type}, {result.width} x {result.height} pixels."


def _longest_and_shorter_side(picture: Picture, options: SanitizeOptions) -> tuple[int, int]:
    """Of the new file, and of the pixels that it is made from."""
    size = (picture.width, picture.height)
    longest = options.max_side or max(size)
    return longest, ceil(min(size) * longest / max(size) * OVERSAMPLING)


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


def _flatten_on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
