"""How much memory decoding an image takes, told from its header alone: no pixel is decoded, no native code runs.

The factors were measured with 12 to 20 million pixels: tests/pipelines/image/test_decode_cost.py repeats that.
"""

import io
import struct
from dataclasses import dataclass
from itertools import islice

from PIL import TiffImagePlugin

from pipelines.image.decode import ImageLimits
from pipelines.image.formats import FileFormat, iter_gif_blocks, iter_png_chunks, read_webp_size, sniff

# Bytes a pixel while it is decoded and laid out as RGB, which takes 4. The rest is the reader's own pixels (up to 4), a
# copy that is turned upright, and buffers of the codec. Afterwards pipelines use as much for copies of their own.
PICTURE_BYTES, PIPELINE_BYTES = 12, 8
_READER_BYTES: dict[FileFormat, int] = {"TIFF": 14, "WEBP": 17, "AVIF": 19, "HEIF": 22}

# These are read on the event loop: their headers are near the start, and the work is bounded by _MAX_STEPS.
QUICK_FORMATS: tuple[FileFormat | None, ...] = ("JPEG", "PNG", "WEBP", "BMP")
_MAX_STEPS = 1_000
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_SCALES = (8, 4, 2)
_JPEG_SEGMENT = struct.Struct(">BBH")  # 0xFF, marker, size
_JPEG_COEFFICIENT_BYTES = 2  # of each sample of a progressive JPEG, whatever it is scaled to


@dataclass(frozen=True, slots=True)
class _Header:
    """`samples` are those of all channels for a pixel that the decoder keeps as coefficients."""

    width: int
    height: int
    samples: float = 0.0


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
    pixels = min(header.width * header.height, limits.pixels)
    coefficients = int(pixels * header.samples) * _JPEG_COEFFICIENT_BYTES
    scale = _jpeg_scale(header, shorter_side) if format == "JPEG" else 1
    return coefficients + pixels // scale**2 * _READER_BYTES.get(format, PICTURE_BYTES)


def _jpeg_scale(header: _Header, shorter_side: int | None) -> int:
    """As Pillow chooses it in `draft`."""
    shorter = min(header.width, header.height)
    if shorter_side is None or shorter <= shorter_side:
        return 1
    zoom = shorter_side / shorter
    asked = (max(1, int(header.width * zoom)), max(1, int(header.height * zoom)))
    room = min(header.width // asked[0], header.height // asked[1])
    return next((scale for scale in _JPEG_SCALES if room >= scale), 1)


def _read_header(data: bytes, format: FileFormat, frame: int) -> _Header | None:
    """None for a header that this module does not understand, whatever the decoder makes of it."""
    try:
        match format:
            case "JPEG":
                return _read_jpeg(data)
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


def _header_of(width: int, height: int) -> _Header | None:
    return _Header(width, height) if width > 0 and height > 0 else None


def _read_jpeg(data: bytes) -> _Header | None:
    """The largest of all frame headers before the first scan.

    Nothing is searched for, as `iter_jpeg_segments` does behind damage: that may take all of a large file.
    """
    found: list[_Header] = []
    at = 2
    for _ in range(_MAX_STEPS):
        prefix, marker, size = _JPEG_SEGMENT.unpack_from(data, at)
        if prefix != 0xFF:
            return None
        if marker == 0xDA:
            return max(found, key=lambda one: one.width * one.height * (1 + one.samples), default=None)
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _JPEG_FRAMES:
            found.append(_read_jpeg_frame(data, at + 5, is_progressive=marker in _JPEG_PROGRESSIVE))
        at += 2 + size
    return None


def _read_jpeg_frame(data: bytes, at: int, *, is_progressive: bool) -> _Header:
    height, width, count = struct.unpack_from(">HHB", data, at)
    if not is_progressive:
        return _Header(width, height)
    factors = [(one >> 4, one & 15) for one in data[at + 6 : at + 6 + 3 * count : 3]]
    widest, tallest = max(one[0] for one in factors), max(one[1] for one in factors)
    samples = sum(across * down for across, down in factors) / (widest * tallest)
    return _Header(width, height, samples)


def _read_png(data: bytes) -> _Header | None:
    """The largest of all IHDR chunks before the pixels: readers let a second one replace the first."""
    found: list[_Header] = []
    for kind, start, _ in islice(iter_png_chunks(data), _MAX_STEPS):
        if kind in (b"IDAT", b"fdAT", b"IEND"):
            return max(found, key=lambda one: one.width * one.height, default=None)
        if kind == b"IHDR":
            found.append(_Header(*struct.unpack_from(">II", data, start + 8)))
    return None


def _read_bmp(data: bytes) -> _Header | None:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return _header_of(abs(width), abs(height))


def _read_gif(data: bytes) -> _Header | None:
    """The canvas, or the first frame where it reaches over the canvas's edge."""
    width, height = struct.unpack_from("<HH", data, 6)
    for block, start, _ in iter_gif_blocks(data):
        if block == 0x2C:
            left, top, own_width, own_height = struct.unpack_from("<HHHH", data, start + 1)
            return _Header(max(width, left + own_width), max(height, top + own_height))
    return None


def _read_tiff(data: bytes, frame: int) -> _Header | None:
    """By the decoder's own reader, which for the header is Python alone."""
    with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as image:
        image.seek(frame)
        return _header_of(*image.size)


def _read_iso(data: bytes) -> _Header | None:
    """The largest size of any item of a HEIF or AVIF; that streams keep to it is checked before they are decoded."""
    found: list[_Header] = []
    at = data.find(b"ispe")
    while at >= 0 and len(found) < _MAX_STEPS:
        found.append(_Header(*struct.unpack_from(">II", data, at + 8)))
        at = data.find(b"ispe", at + 4)
    return max(found, key=lambda one: one.width * one.height, default=None)
