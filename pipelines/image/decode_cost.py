"""How much memory decoding an image takes, told from its header alone: no pixel is decoded, no native code runs.

The factors were measured with 12 to 20 million pixels: tests/pipelines/image/test_decode_cost.py repeats that.
"""

import io
import struct
from itertools import islice

from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.deep_colour_tiff import CHANNELS, DeepColourTiffFile
from pipelines.image.formats import FileFormat, iter_gif_blocks, iter_png_chunks, read_webp_size, sniff
from pipelines.image.jpeg import ImageHeader, choose_scale, count_pixels, is_refused, read_jpeg_header

# Bytes a pixel while it is decoded and laid out as RGB, which takes 4. The rest is the reader's own pixels (up to 4), a
# copy that is turned upright, and buffers of the codec. Afterwards pipelines use as much for copies of their own.
PICTURE_BYTES, PIPELINE_BYTES = 12, 8
_LAYER_BYTES = 4  # of a copy with alpha, or over another backdrop
_READER_BYTES: dict[FileFormat, int] = {"PNG": 16, "GIF": 16, "TIFF": 16, "WEBP": 17, "AVIF": 19, "HEIF": 22}

# These are read on the event loop: their headers are near the start, and the work is bounded by _MAX_STEPS.
QUICK_FORMATS: tuple[FileFormat | None, ...] = ("JPEG", "PNG", "WEBP", "BMP")
_MAX_STEPS = 1_000
_SAMPLE_BYTES = 2  # of each sample that a decoder keeps, whatever a JPEG is scaled to


def estimate_decode_bytes(data: bytes, *, limits: ImageLimits, shorter_side: int | None = None, frame: int = 0) -> int:
    """Peak memory in bytes of decoding one frame, as `decode` does with these arguments.

    A header that cannot be read costs as much as the largest image of its format; what is no image costs nothing.
    """
    format = sniff(data)
    if format is None or format == "PDF":
        return 0
    header = _read_header(data, format, frame)
    if header is None:
        return limits.pixels * _READER_BYTES.get(format, PICTURE_BYTES)
    samples = int(min(header.width * header.height, limits.pixels) * header.samples)
    is_scaled = format == "JPEG" and not is_refused(header, limits.pixels, limits.header_pixels)
    scale = choose_scale(header, shorter_side, pixels=limits.pixels) if is_scaled else 1
    pixels = min(count_pixels((header.width, header.height), scale), limits.pixels)
    return samples * _SAMPLE_BYTES + pixels * _READER_BYTES.get(format, PICTURE_BYTES)


def count_picture_bytes(picture: Picture) -> int:
    """Memory of a decoded picture, and of the pipelines that look at it."""
    layered = picture.see_through
    alpha = 0 if layered is None else layered.width * layered.height * _LAYER_BYTES
    return picture.pixels.width * picture.pixels.height * PICTURE_BYTES + alpha


def count_view_bytes(picture: Picture) -> int:
    """Memory of one more rendering of a picture."""
    return picture.pixels.width * picture.pixels.height * _LAYER_BYTES


def _read_header(data: bytes, format: FileFormat, frame: int) -> ImageHeader | None:
    """None for a header that this module does not understand, whatever the decoder makes of it."""
    try:
        match format:
            case "JPEG":
                return read_jpeg_header(data)
            case "PNG":
                return _read_png(data)
            case "WEBP":
                return _header_of(*read_webp_size(data))
            case "BMP":
                return _read_bmp(data)
            case "GIF":
                return _read_gif(data)
            case "TIFF":
                return _read_tiff(data, frame)
            case _:
                return _read_iso(data)
    except Exception:  # parsers of damaged bytes raise anything, and whether it is an image is for the decoder to say
        return None


def _header_of(width: int, height: int) -> ImageHeader | None:
    return ImageHeader(width, height) if width > 0 and height > 0 else None


def _read_png(data: bytes) -> ImageHeader | None:
    """The largest of all IHDR chunks before the pixels: readers let a second one replace the first."""
    found: list[ImageHeader] = []
    for kind, start, _ in islice(iter_png_chunks(data), _MAX_STEPS):
        if kind in (b"IDAT", b"fdAT", b"IEND"):
            return max(found, key=lambda one: one.width * one.height, default=None)
        if kind == b"IHDR":
            found.append(ImageHeader(*struct.unpack_from(">II", data, start + 8)))
    return None


def _read_bmp(data: bytes) -> ImageHeader | None:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return _header_of(abs(width), abs(height))


def _read_gif(data: bytes) -> ImageHeader | None:
    """The canvas, or the first frame where it reaches over the canvas's edge."""
    width, height = struct.unpack_from("<HH", data, 6)
    for block, start, _ in iter_gif_blocks(data):
        if block == 0x2C:
            left, top, own_width, own_height = struct.unpack_from("<HHHH", data, start + 1)
            return ImageHeader(max(width, left + own_width), max(height, top + own_height))
    return None


def _read_tiff(data: bytes, frame: int) -> ImageHeader | None:
    """By the decoder's own reader, which for the header is Python alone."""
    with DeepColourTiffFile(io.BytesIO(data)) as image:
        image.seek(frame)
        deep = image.deep_kind
        packed = 0 if deep is None or deep.bits is None else CHANNELS * deep.bits / 8  # all may be in one strip
        return ImageHeader(*image.size, packed / _SAMPLE_BYTES) if min(image.size) > 0 else None


def _read_iso(data: bytes) -> ImageHeader | None:
    """The largest size of any item of a HEIF or AVIF; that streams keep to it is checked before they are decoded."""
    found: list[ImageHeader] = []
    at = data.find(b"ispe")
    while at >= 0 and len(found) < _MAX_STEPS:
        found.append(ImageHeader(*struct.unpack_from(">II", data, at + 8)))
        at = data.find(b"ispe", at + 4)
    return max(found, key=lambda one: one.width * one.height, default=None)
