"""Refuses files that are cheap to send and expensive, or deadly, to open.

Some readers are C libraries on threads that cannot be cancelled, so work that would take minutes or gigabytes
must be refused beforehand. tests/pipelines/image/test_limits.py holds an example of each.
"""

from itertools import islice

from PIL import ImageFile, TiffImagePlugin

from pipelines.errors import ImageCorrupt, TooManyFrames, TooManyPixels
from pipelines.image.formats import JPEG_SCAN, FileFormat, iter_gif_frames, iter_jpeg_segments, read_webp_size
from pipelines.image.heif.structure import check_heif

# A progressive JPEG has about ten scans. Each costs a pass over all pixels for as little as 95 bytes.
MOST_JPEG_SCANS = 64
_MOST_JPEG_SEGMENTS = 10_000

_TIFF_HEIGHT, _TIFF_STRIPS, _TIFF_ROWS = 257, 273, 278
_TIFF_WIDTH, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT, _TIFF_TILES = 256, 322, 323, 324


def check_bytes(data: bytes, format: FileFormat, *, pixels: int, frames: int) -> None:
    """Check a file before any reader opens it; raises ImageCorrupt, ImageTruncated, TooManyPixels or
    TooManyFrames."""
    if format == "WEBP":
        check_pixels(read_webp_size(data), pixels)  # its decoder allocates the canvas when the file is opened
    elif format == "GIF" and (count := sum(1 for _ in islice(iter_gif_frames(data), frames + 1))) > frames:
        raise TooManyFrames(count, frames)
    elif format == "JPEG" and data.count(b"\xff\xda") > MOST_JPEG_SCANS:
        _check_jpeg_scans(data)
    elif format in ("HEIF", "AVIF"):
        check_heif(data, format, pixels=pixels)


def _check_jpeg_scans(data: bytes) -> None:
    """Count the scans up to the end of the image: phones append clips, in which any bytes may stand.

    Raises ImageCorrupt.
    """
    scans = 0
    for count, (marker, _, _) in enumerate(iter_jpeg_segments(data)):
        if count == _MOST_JPEG_SEGMENTS:
            raise ImageCorrupt(f"this JPEG has more than {_MOST_JPEG_SEGMENTS:,} segments")
        scans += marker == JPEG_SCAN
        if scans > MOST_JPEG_SCANS:
            raise ImageCorrupt(f"this JPEG has more than {MOST_JPEG_SCANS} scans")


def check_opened(image: ImageFile.ImageFile, *, pixels: int) -> None:
    """Check an image after its header was read and before any pixel is; raises TooManyPixels or ImageCorrupt."""
    check_pixels(image.size, pixels)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _check_tiff(image, pixels)


def check_pixels(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height > limit:
        raise TooManyPixels(width, height, limit)


def count_frames(image: ImageFile.ImageFile, data: bytes, format: FileFormat, limit: int) -> int:
    """Count the frames of the file; raises TooManyFrames as soon as there are more than `limit`."""
    if format == "GIF":
        return max(1, sum(1 for _ in iter_gif_frames(data)))
    if format == "TIFF":
        return _count_tiff_frames(image, limit)
    frames = int(getattr(image, "n_frames", 1))
    if frames > limit:
        raise TooManyFrames(frames, limit)
    return frames


def _count_tiff_frames(image: ImageFile.ImageFile, limit: int) -> int:
    """Count frame by frame: Pillow's own count walks all directories of a TIFF, in quadratic time."""
    for frame in range(1, limit + 1):
        try:
            image.seek(frame)
        except EOFError:
            image.seek(0)
            return frame
    raise TooManyFrames(limit + 1, limit)


def _check_tiff(image: TiffImagePlugin.TiffImageFile, pixels: int) -> None:
    """Refuse tiles larger than the limit, and strips or tiles that cover only part of the picture."""
    tags = image.tag_v2
    width, height = tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT]
    if _TIFF_TILE_WIDTH in tags:
        across, down = tags[_TIFF_TILE_WIDTH], tags[_TIFF_TILE_HEIGHT]
        check_pixels((across, down), pixels)
        is_complete = len(tags.get(_TIFF_TILES, ())) >= -(-width // across) * -(-height // down)
    else:
        is_complete = len(tags.get(_TIFF_STRIPS, ())) * min(tags.get(_TIFF_ROWS, height), height) >= height
    if not is_complete:
        raise ImageCorrupt("this TIFF has fewer strips or tiles than its size needs")
