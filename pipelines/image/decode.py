"""Bytes to upright RGB pixels, under limits that are checked before any pixel is decoded.

    bytes ─► size limit ─► sniff ─► header: pixels, frames ─► decode (scaled) ─► RGB ─► upright

One decode serves every pipeline of a request, at the smallest scale that all of them can use.
"""

import hashlib
import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pipelines.errors import ImageCorrupt, ImageEmpty, ImageTooLarge, ImageTruncated, ImageUnsupported, TooManyBytes
from pipelines.image.colour_modes import has_alpha, to_rgb
from pipelines.image.formats import Format, describe, is_cut_off, sniff
from pipelines.image.safety_limits import check_bytes, check_opened, count_frames

# Each format's own reader, not `Image.open`: no guessing, and no check against a limit that is not ours.
_READERS: dict[Format, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIF": pi_heif.HeifImageFile,
}

# Exif orientation (2-8) to the operation that turns the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112
_TURNED_BY_READER: tuple[Format, ...] = ("HEIF", "TIFF")

# What Pillow and its codecs raise on bytes that are not as they should be.
_DECODER_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, ArithmeticError, RuntimeError,
    MemoryError, AttributeError, AssertionError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What an image may be at most.

    While it is decoded, a pixel costs 8 bytes as plain RGB, 15 with transparency and up to 28 as floating
    point; a JPEG that is decoded at a smaller scale a 4th to a 64th of that. An AVIF whose header lies about
    its size costs up to half a gigabyte before that shows.
    """

    bytes: int = 20 * 2**20
    pixels: int = 64_000_000
    frames: int = 1_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image. `pixels` is upright RGB and may be smaller than the original by `scale`.

    `width` and `height` are those of the upright original, the frame of every box in every answer.
    `orientation` is the Exif value (1-8) that was applied; `sha256` is that of `data`, the file as it came in.
    """

    pixels: Image.Image
    width: int
    height: int
    format: Format
    mode: str
    orientation: int
    frames: int
    has_alpha: bool
    data: bytes
    sha256: str

    @property
    def scale(self) -> float:
        """Decoded size over original size; at most 1."""
        return max(self.pixels.size) / max(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame, loaded, as the file has it: in its own mode, with its profile, not yet upright.

    `image` may be smaller than `width` x `height`, the size that the header says.
    """

    image: ImageFile.ImageFile
    width: int
    height: int
    format: Format
    mode: str
    orientation: int
    frames: int

    @property
    def _turn(self) -> Image.Transpose | None:
        return None if self.format in _TURNED_BY_READER else _UPRIGHT.get(self.orientation)

    @property
    def upright_size(self) -> tuple[int, int]:
        sideways = self._turn is not None and self.orientation >= 5
        return (self.height, self.width) if sideways else (self.width, self.height)

    def upright(self, pixels: Image.Image) -> Image.Image:
        """`pixels`, made from `image`, turned as they are meant to be seen."""
        return pixels if self._turn is None else pixels.transpose(self._turn)


def decode(data: bytes, *, limits: Limits, shorter_side: int | None = None, frame: int = 0) -> Picture:
    """A frame as RGB: transparency is laid over white, colour profiles are left alone.

    Takes `shorter_side` and `frame` and raises as `opened` does.
    """
    with opened(data, limits=limits, shorter_side=shorter_side, frame=frame) as found:
        transparent = has_alpha(found.image)
        pixels = found.upright(to_rgb(found.image))
    return Picture(
        pixels, *found.upright_size, found.format, found.mode, found.orientation, found.frames, transparent, data,
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


@contextmanager
def opened(data: bytes, *, limits: Limits, shorter_side: int | None = None, frame: int = 0) -> Iterator[Opened]:
    """The only way in which an image file is opened. What its reader raises in the body blames the image, too.

    With `shorter_side`, a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its shorter side keeps that many pixels.
    `frame` counts from 0; every frame has to be within the limits by itself.
    Raises ImageEmpty, ImageUnsupported, ImageTruncated, ImageCorrupt or a kind of ImageTooLarge.
    """
    if not data:
        raise ImageEmpty
    if len(data) > limits.bytes:
        raise TooManyBytes(len(data), limits.bytes)
    format = sniff(data)
    if format not in _READERS:
        raise ImageUnsupported(f"this is {describe(data)}; images can be JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF")
    check_bytes(data, format, pixels=limits.pixels, frames=limits.frames)
    try:
        with _READERS[format](io.BytesIO(data)) as image:
            yield _load(image, data, format, limits, shorter_side, frame)
    except Image.DecompressionBombError as cause:  # a frame larger than the header said
        raise ImageTooLarge(f"this {format} grows while it is decoded: {cause}") from cause
    except _DECODER_ERRORS as cause:
        problem = ImageTruncated if is_cut_off(data, format) or "truncated" in str(cause).lower() else ImageCorrupt
        raise problem(f"this {format} cannot be decoded: {cause or type(cause).__name__}") from cause


def _load(
    image: ImageFile.ImageFile, data: bytes, format: Format, limits: Limits, shorter_side: int | None, frame: int
) -> Opened:
    check_opened(image, pixels=limits.pixels)
    frames = count_frames(image, data, format, limits.frames)
    if frame:
        image.seek(frame)
        check_opened(image, pixels=limits.pixels)
    width, height, mode = image.width, image.height, image.mode
    if shorter_side is not None and min(width, height) > shorter_side:
        zoom = shorter_side / min(width, height)
        image.draft(None, (int(width * zoom), int(height * zoom)))  # only the JPEG decoder can; others ignore it
    orientation = _orientation(image, format) if format != "PNG" else 1
    image.load()
    if format == "PNG":  # its Exif block may stand behind its pixels
        orientation = _orientation(image, format)
    return Opened(image, width, height, format, mode, orientation, frames)


def _orientation(image: Image.Image, format: Format) -> int:
    """The Exif orientation, 1 where there is none, it is nonsense, or the Exif block cannot be read."""
    try:
        found = image.info.get("original_orientation") if format == "HEIF" else None
        value = int(found or image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged metadata of any kind must not cost the picture
        return 1
    return value if value in range(1, 9) else 1
