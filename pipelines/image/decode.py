"""Bytes to upright RGB pixels, under limits that are checked before any pixel is decoded.

    bytes ─► size limit ─► sniff ─► header: pixels, frames ─► decode (scaled) ─► RGB ─► upright

One decode serves every pipeline of a request, at the smallest scale that all of them can use.
"""

import hashlib
import io
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from pi_heif.as_plugin import HeifImageFile
from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageFile

from pipelines.documents.pdf.page_characters import TextLayer
from pipelines.errors import ImageCorrupt, ImageEmpty, ImageTooLarge, ImageTruncated, ImageUnsupported, TooManyBytes
from pipelines.image.avif import LeanAvifFile
from pipelines.image.coded_colours import note_colour_codes
from pipelines.image.colour_modes import flatten, has_alpha
from pipelines.image.deep_colour_tiff import DeepColourTiffFile
from pipelines.image.deep_colours import brighten_dim_colours, has_deep_colours
from pipelines.image.formats import FileFormat, describe_content, drop_clip, is_cut_off, sniff
from pipelines.image.frame_choice import FrameChoice
from pipelines.image.frame_views import FrameViews
from pipelines.image.jpeg import OpenEndedJpegFile, check_complete, plan_scale
from pipelines.image.orientation import drop_xmp, is_sideways, read_orientation, turn_upright
from pipelines.image.picture_facts import ProfileUse
from pipelines.image.plain_pixels import to_plain_srgb
from pipelines.image.png import open_png
from pipelines.image.raw_photographs import name_raw
from pipelines.image.safety_limits import check_bytes, check_opened, count_frames
from pipelines.image.webp import LeanWebPFile

# Each format's own reader, not `Image.open`: no guessing, and no check against a limit that is not ours.
READERS: dict[FileFormat, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": OpenEndedJpegFile,
    "PNG": open_png,
    "WEBP": LeanWebPFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": DeepColourTiffFile,
    "AVIF": LeanAvifFile,
    "HEIF": HeifImageFile,
}

# Pillow and its codecs raise all of these on damaged bytes.
DECODER_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, ArithmeticError, RuntimeError,
    AttributeError, AssertionError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The largest image that is accepted; `decode_cost` tells what its pixels cost in memory.

    `pixels` are those that are decoded, `header_pixels` those of a JPEG that is decoded at a smaller scale.
    """

    bytes: int = 20 * 2**20
    pixels: int = 64_000_000
    frames: int = 1_000
    header_pixels: int = 256_000_000


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """The facts about a decoded frame beside its pixels.

    `width` and `height` are those of the upright original, the coordinate frame of every box in every result.
    `orientation` is the Exif value (1-8) that was applied, and `profile` tells what became of the file's colour
    profile.
    """

    width: int
    height: int
    format: FileFormat
    mode: str
    orientation: int
    frames: int
    has_alpha: bool
    profile: ProfileUse


@dataclass(frozen=True, slots=True)
class UprightFrame:
    """A frame as decoders hand it over: `image` is upright sRGB of mode L or RGB, or LA or RGBA where transparent."""

    image: Image.Image
    facts: FrameFacts

    def lay_out(self) -> "DecodedFrame":
        see_through = self.image if self.image.mode in ("LA", "RGBA") else None
        return DecodedFrame(**_shallow(self.facts), pixels=flatten(self.image), see_through=see_through)


@dataclass(frozen=True, slots=True)
class DecodedFrame(FrameFacts):
    """A decoded image without its file. `pixels` is upright sRGB and may be smaller than the original by `scale`.

    Where some pixel is transparent, `pixels` has the picture over white, and `see_through` has it with its alpha, in
    mode LA or RGBA.
    """

    pixels: Image.Image
    see_through: Image.Image | None

    @property
    def scale(self) -> float:
        """Decoded size over original size; at most 1."""
        return max(self.pixels.size) / max(self.width, self.height)

    def of_file(self, data: bytes, sha256: str) -> "Picture":
        return Picture(**_shallow(self), data=data, sha256=sha256)


def _shallow(facts: FrameFacts) -> dict[str, Any]:
    """Its fields by name; `asdict` would copy the pixels."""
    return {one.name: getattr(facts, one.name) for one in fields(facts)}


@dataclass(frozen=True, slots=True)
class FrameSurvey:
    """The frames of a file, numbered from 0: `telling` is the one that tells most, `choice` has those to judge beside
    it. Without `views` none but the first could be looked at, and `failure` says why. `kept` has frames that need not
    be decoded again.
    """

    telling: int
    views: FrameViews | None
    choice: FrameChoice
    kept: Mapping[int, DecodedFrame] = field(default_factory=dict, repr=False)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Picture(DecodedFrame):
    """A decoded image with its file: `data` as it was sent, and the hash of that. `text_layer` is that of a PDF page
    that was drawn. Of a file of several frames, `frame` is this one's number, from 0, and `survey` tells of the others,
    where somebody looked.
    """

    data: bytes
    sha256: str
    frame: int = 0
    survey: FrameSurvey | None = field(default=None, repr=False)
    text_layer: TextLayer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A loaded frame as the file stores it: in its own mode, with its profile, not yet upright.

    `image` may be smaller than `width` x `height`, the size in the header.
    """

    image: Image.Image
    width: int
    height: int
    format: FileFormat
    mode: str
    orientation: int
    frames: int

    @property
    def upright_size(self) -> tuple[int, int]:
        is_turned = is_sideways(self.orientation, self.format)
        return (self.height, self.width) if is_turned else (self.width, self.height)

    def turn_upright(self, pixels: Image.Image) -> Image.Image:
        """Apply the file's orientation to `pixels` that were made from `image`."""
        return turn_upright(pixels, self.orientation, self.format)


def decode(data: bytes, *, limits: ImageLimits, shorter_side: int | None = None, frame: int = 0) -> Picture:
    """Decode in this process; `Decoders` do it more safely. Arguments and errors are those of `decode_frame`."""
    decoded = decode_frame(data, limits=limits, shorter_side=shorter_side, frame=frame).lay_out()
    return decoded.of_file(data, hashlib.sha256(data).hexdigest())


def decode_frame(data: bytes, *, limits: ImageLimits, shorter_side: int | None = None, frame: int = 0) -> UprightFrame:
    """Decode one frame to sRGB; `shorter_side`, `frame` and the errors raised are those of `open_image`."""
    with open_image(data, limits=limits, shorter_side=shorter_side, frame=frame) as opened:
        return make_upright(opened)


def make_upright(opened: OpenedImage) -> UprightFrame:
    """Upright sRGB of what was opened."""
    transparent = has_alpha(opened.image)
    plain, profile = to_plain_srgb(opened.image)
    facts = FrameFacts(
        *opened.upright_size, opened.format, opened.mode, opened.orientation, opened.frames, transparent, profile
    )
    return UprightFrame(opened.turn_upright(plain), facts)


@contextmanager
def open_image(
    data: bytes, *, limits: ImageLimits, shorter_side: int | None = None, frame: int = 0
) -> Iterator[OpenedImage]:
    """The only place that opens an image file. Decoder errors in the `with` body become errors about the image, too.

    With `shorter_side`, a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its shorter side keeps that many pixels;
    one of more pixels than the limit is decoded at the largest of these scales that has room.
    `frame` counts from 0; each frame must be within the limits by itself.
    Raises ImageEmpty, ImageUnsupported, ImageTruncated, ImageCorrupt or a kind of ImageTooLarge.
    """
    if not data:
        raise ImageEmpty
    if len(data) > limits.bytes:
        raise TooManyBytes(len(data), limits.bytes)
    format = sniff(data)
    if format in (None, "TIFF") and (kind := name_raw(data)) is not None:
        raise ImageUnsupported(f"this is a raw photograph ({kind}), which is not developed here; export it as a JPEG")
    if format not in READERS:
        raise ImageUnsupported(
            f"this is {describe_content(data)}; images can be JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF"
        )
    data = drop_clip(data, format)
    check_bytes(data, format, pixels=limits.pixels, frames=limits.frames)
    try:
        with READERS[format](io.BytesIO(data)) as image:
            yield _load(image, data, format, limits, shorter_side, frame)
    except MemoryError as cause:
        raise ImageTooLarge(f"this {format} needs more memory than its decoder may have") from cause
    except Image.DecompressionBombError as cause:  # a frame larger than the header said
        raise ImageTooLarge(f"this {format} grows while it is decoded: {cause}") from cause
    except DECODER_ERRORS as cause:
        error = ImageTruncated if is_cut_off(data, format) or "truncated" in str(cause).lower() else ImageCorrupt
        raise error(f"this {format} cannot be decoded: {cause or 'its decoder gave no reason'}") from cause


def _load(
    image: ImageFile.ImageFile,
    data: bytes,
    format: FileFormat,
    limits: ImageLimits,
    shorter_side: int | None,
    frame: int,
) -> OpenedImage:
    if not isinstance(image, OpenEndedJpegFile):
        check_opened(image, pixels=limits.pixels)
    frames = count_frames(image, data, format, limits.frames)
    if frame:
        image.seek(frame)
        check_opened(image, pixels=limits.pixels)
    width, height, mode = image.width, image.height, image.mode
    if isinstance(image, OpenEndedJpegFile):
        scale = plan_scale(
            image.size, data, shorter_side=shorter_side, pixels=limits.pixels, header_pixels=limits.header_pixels
        )
        image.draft_at(scale)
    drop_xmp(image)
    orientation = read_orientation(image, format) if format != "PNG" else 1
    note_colour_codes(image, data, format)
    has_depth = has_deep_colours(image)
    image.load()
    if isinstance(image, OpenEndedJpegFile) and image.is_open_ended:
        check_complete(image, data)
    if has_depth:
        brighten_dim_colours(image, lambda: _open_again(data, format, frame))
    if format == "PNG":  # its Exif block may come after its pixels
        drop_xmp(image)
        orientation = read_orientation(image, format)
    return OpenedImage(image, width, height, format, mode, orientation, frames)


def _open_again(data: bytes, format: FileFormat, frame: int) -> ImageFile.ImageFile:
    image = READERS[format](io.BytesIO(data))
    image.seek(frame)
    return image
