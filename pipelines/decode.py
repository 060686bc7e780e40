"""Bytes to upright RGB pixels, under limits that are checked before any pixel is decoded.

    bytes ─► size limit ─► sniff ─► header: pixels, frames ─► decode (scaled) ─► RGB ─► upright

One decode serves every pipeline of a request, at the smallest scale that all of them can use.
"""

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
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

from pipelines.container import Format, describe, is_cut_off, sniff, webp_size
from pipelines.errors import (
    ImageCorrupt,
    ImageEmpty,
    ImageTooLarge,
    ImageTruncated,
    ImageUnsupported,
    TooManyBytes,
    TooManyFrames,
    TooManyPixels,
)

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
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, ZeroDivisionError, RuntimeError,
    MemoryError, AttributeError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What an image may be at most. A decoded pixel costs three bytes, a scaled JPEG a 4th to a 64th of that."""

    bytes: int = 32 * 2**20
    pixels: int = 64_000_000
    frames: int = 1_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image. `pixels` is upright RGB and may be smaller than the original by `scale`.

    `width` and `height` are those of the upright original, the frame of every box in every answer.
    `orientation` is the Exif value (1-8) that was applied; `sha256` is that of the bytes that came in.
    """

    pixels: Image.Image
    width: int
    height: int
    format: Format
    mode: str
    orientation: int
    frames: int
    has_alpha: bool
    bytes: int
    sha256: str

    @property
    def scale(self) -> float:
        """Decoded size over original size; at most 1."""
        return self.pixels.width / self.width


def decode(data: bytes, *, limits: Limits, shorter_side: int | None = None) -> Picture:
    """Decode the first frame.

    With `shorter_side`, a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its shorter side keeps
    that many pixels. Transparency is laid over white. Colour profiles are left alone.
    Raises ImageEmpty, ImageUnsupported, ImageTruncated, ImageCorrupt or a kind of ImageTooLarge.
    """
    if not data:
        raise ImageEmpty
    if len(data) > limits.bytes:
        raise TooManyBytes(len(data), limits.bytes)
    format = sniff(data)
    if format is None:
        raise ImageUnsupported(f"this is {describe(data)}; images can be JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF")
    if format == "WEBP":
        _check_pixels(webp_size(data), limits)  # its decoder allocates the canvas when the file is opened
    try:
        with _READERS[format](io.BytesIO(data)) as image:
            return _decode(image, data, format, limits, shorter_side)
    except Image.DecompressionBombError as cause:  # a frame larger than the header said
        raise ImageTooLarge(f"this {format} grows while it is decoded: {cause}") from cause
    except _DECODER_ERRORS as cause:
        problem = ImageTruncated if is_cut_off(data, format) or "truncated" in str(cause).lower() else ImageCorrupt
        raise problem(f"this {format} cannot be decoded: {cause or type(cause).__name__}") from cause


def _decode(image: Image.Image, data: bytes, format: Format, limits: Limits, shorter_side: int | None) -> Picture:
    _check_pixels(image.size, limits)
    frames = getattr(image, "n_frames", 1)
    if frames > limits.frames:
        raise TooManyFrames(frames, limits.frames)
    width, height, mode = image.width, image.height, image.mode
    orientation = _orientation(image)
    if shorter_side is not None and min(width, height) > shorter_side:
        zoom = shorter_side / min(width, height)
        image.draft(None, (round(width * zoom), round(height * zoom)))  # only the JPEG decoder can; others ignore it
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    image.load()
    pixels = _to_rgb(image, has_alpha)
    if orientation in _UPRIGHT and format not in _TURNED_BY_READER:
        pixels = pixels.transpose(_UPRIGHT[orientation])
        if orientation >= 5:
            width, height = height, width
    return Picture(
        pixels, width, height, format, mode, orientation, frames, has_alpha, len(data), hashlib.sha256(data).hexdigest()
    )


def _check_pixels(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise TooManyPixels(width, height, limits.pixels)


def _orientation(image: Image.Image) -> int:
    """The Exif orientation, 1 where there is none, it is nonsense, or the Exif block cannot be read."""
    try:
        value = image.info.get("original_orientation") or image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # damaged metadata of any kind must not cost the picture
        return 1
    return value if value in range(1, 9) else 1


def _to_rgb(image: Image.Image, has_alpha: bool) -> Image.Image:
    if has_alpha:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bits(grey: np.ndarray) -> np.ndarray:
    """Deep grey to 8 bits. Pillow's own conversion clips at 255 and would turn such images white."""
    if grey.dtype == np.uint16:
        return (grey >> 8).astype(np.uint8)
    grey = np.nan_to_num(grey.astype(np.float64))
    low, high = min(0.0, float(grey.min())), float(grey.max())
    # Floats are mostly 0-1, integers mostly 16-bit values in 32; anything else is stretched to its own range.
    top = next((limit for limit in (1.0, 255.0, 65_535.0) if high <= limit), high)
    return ((grey - low) * (255.0 / max(top - low, 1e-12))).round().astype(np.uint8)
