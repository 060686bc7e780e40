"""JPEGs that are too large to be decoded in full, or have no end: their headers, scales and completeness."""

import io
import struct
from dataclasses import dataclass

from PIL import JpegImagePlugin

from pipelines.image.colour_modes import split_into_bands
from pipelines.image.formats import JPEG_SCAN, iter_jpeg_segments
from pipelines.image.safety_limits import check_pixels

SCALES = (1, 2, 4, 8)  # at whose inverses libjpeg decodes
_MAX_STEPS = 1_000
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEGMENT = struct.Struct(">BBH")  # 0xFF, marker, size
_END = b"\xff\xd9"
_COEFFICIENTS = 64  # of a block
_FILLER = bytes((37 * at + 11) % 255 for at in range(_COEFFICIENTS))  # without 0xff, which would begin a marker


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """`samples` are those of all channels for a pixel, of 16 bits, that the decoder keeps whatever the scale: all of a
    JPEG with several scans, none of one with a single scan."""

    width: int
    height: int
    samples: float = 0.0


class OpenEndedJpegFile(JpegImagePlugin.JpegImageFile):
    """Pillow's reader, which takes the end of the file for the end of the picture.

    The decoder makes up what is missing then, so `is_open_ended` calls for `check_complete`.
    """

    is_open_ended = False
    padding = b""
    scale = 1  # the inverse of that at which it is decoded, one of `SCALES`

    def draft_at(self, scale: int) -> None:
        self.scale = scale
        if scale > 1:
            self.draft(None, (max(1, self.width // scale), max(1, self.height // scale)))

    def load_read(self, read_bytes: int) -> bytes:
        """Called by `load` for more of the file."""
        read = super().load_read(read_bytes)
        if read or self.is_open_ended:
            return read
        self.is_open_ended = True
        return self.padding + _END


def check_complete(image: OpenEndedJpegFile, data: bytes) -> None:
    """Raises OSError unless `data` lacks nothing but the end marker; `image` is loaded from it.

    If pixels are missing, other bytes in their place give another picture. Zeros at the end may stand for them.
    """
    with OpenEndedJpegFile(io.BytesIO(_strip_padding(data))) as other:
        other.padding = _FILLER
        other.draft_at(image.scale)
        other.load()
        is_same = all(image.crop(box).tobytes() == other.crop(box).tobytes() for box in split_into_bands(image))
    if not is_same or not _has_all_scans(data):
        raise OSError("the file is truncated: pixels are missing")


def _strip_padding(data: bytes) -> bytes:
    """Without zeros at the end, and without a last 0xff, half of a marker, unless a zero says that it is a byte."""
    stripped = data.rstrip(b"\0")
    is_byte = stripped.endswith(b"\xff") and len(stripped) < len(data)
    return stripped + b"\0" if is_byte else stripped.rstrip(b"\xff")


def _has_all_scans(data: bytes) -> bool:
    """Whether the last bit of each coefficient of each component is in some scan."""
    missing: dict[int, set[int]] = {}
    for marker, start, end in iter_jpeg_segments(data):
        body = data[start + 4 : end]
        if marker in _FRAMES and len(body) >= 6:
            missing = {number: set(range(_COEFFICIENTS)) for number in body[6 : 6 + 3 * body[5] : 3]}
        elif marker == JPEG_SCAN and len(body) >= 1 and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            for number in body[1 : 1 + 2 * body[0] : 2] if bits & 15 == 0 else ():
                missing.get(number, set()).difference_update(range(first, last + 1))
    return not any(missing.values())


def plan_scale(size: tuple[int, int], data: bytes, *, shorter_side: int | None, pixels: int, header_pixels: int) -> int:
    """The inverse of the scale to decode at: see `choose_scale`.

    Raises TooManyPixels for more than `header_pixels` of the whole, or more than `pixels` that the decoder has to keep,
    which are all of a JPEG with several scans.
    """
    check_pixels(size, max(pixels, header_pixels))
    header = read_jpeg_header(data) if size[0] * size[1] > pixels else ImageHeader(*size)
    scale = choose_scale(ImageHeader(*size), shorter_side, pixels=pixels)
    if header is None or is_refused(header, pixels, header_pixels) or count_pixels(size, scale) > pixels:
        check_pixels(size, pixels)
    return scale


def is_refused(header: ImageHeader, pixels: int, header_pixels: int) -> bool:
    """Whether a JPEG is over the limits, whatever scale it is decoded at."""
    found = header.width * header.height
    return found > max(pixels, header_pixels) or (header.samples > 0 and found > pixels)


def choose_scale(header: ImageHeader, shorter_side: int | None, *, pixels: int) -> int:
    """The inverse of the scale at which the shorter side keeps `shorter_side` pixels and there are at most `pixels`."""
    wanted = _choose_as_pillow(header, shorter_side)
    size = header.width, header.height
    return next((scale for scale in SCALES if scale >= wanted and count_pixels(size, scale) <= pixels), SCALES[-1])


def choose_scale_of(size: tuple[int, int], shorter_side: int | None) -> int:
    """As `choose_scale` of a picture of which there may be as many pixels as it has."""
    return choose_scale(ImageHeader(*size), shorter_side, pixels=size[0] * size[1])


def _choose_as_pillow(header: ImageHeader, shorter_side: int | None) -> int:
    """As its `draft` does."""
    shorter = min(header.width, header.height)
    if shorter_side is None or shorter <= shorter_side:
        return 1
    zoom = shorter_side / shorter
    asked = (max(1, int(header.width * zoom)), max(1, int(header.height * zoom)))
    room = min(header.width // asked[0], header.height // asked[1])
    return next((scale for scale in reversed(SCALES) if room >= scale), 1)


def count_pixels(size: tuple[int, int], scale: int) -> int:
    """Of the picture that is decoded at the inverse of `scale`."""
    return -(-size[0] // scale) * -(-size[1] // scale)


def read_jpeg_header(data: bytes) -> ImageHeader | None:
    """The largest of all frame headers before the first scan; None where that cannot be understood.

    Nothing is searched for, as `iter_jpeg_segments` does behind damage: that may take all of a large file.
    """
    try:
        return _read_header(data)
    except (struct.error, IndexError, ValueError, ZeroDivisionError):
        return None


def _read_header(data: bytes) -> ImageHeader | None:
    frames, at = list[tuple[int, int]](), 2  # marker and offset of each
    for _ in range(_MAX_STEPS):
        prefix, marker, size = _SEGMENT.unpack_from(data, at)
        if prefix != 0xFF:
            return None
        if marker == JPEG_SCAN:
            found = [_read_frame(data, start, kind in _PROGRESSIVE, data[at + 4]) for kind, start in frames]
            return max(found, key=lambda one: one.width * one.height * (1 + one.samples), default=None)
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _FRAMES:
            frames.append((marker, at + 5))
        at += 2 + size
    return None


def _read_frame(data: bytes, at: int, is_progressive: bool, in_first_scan: int) -> ImageHeader:
    """A frame whose first scan lacks components has further scans, and coefficients are kept up to the last."""
    height, width, count = struct.unpack_from(">HHB", data, at)
    if not is_progressive and in_first_scan >= count:
        return ImageHeader(width, height)
    factors = [(one >> 4, one & 15) for one in data[at + 6 : at + 6 + 3 * count : 3]]
    widest, tallest = max(one[0] for one in factors), max(one[1] for one in factors)
    samples = sum(across * down for across, down in factors) / (widest * tallest)
    return ImageHeader(width, height, samples)
