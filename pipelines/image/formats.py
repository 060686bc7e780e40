"""Recognises image formats by their first bytes, and reads their structure without decoding pixels.

File names and MIME types lie (phones, browsers and data sets all do it); the first bytes rarely do.
"""

from base64 import b64decode
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from pipelines.linear_patterns import compile_bytes

FileFormat = Literal["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF", "PDF"]

# Markers that begin a segment. In pixels 0xff 0x00 is a byte and 0xd0 to 0xd7 restart the decoder.
_JPEG_MARKER = compile_bytes(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
JPEG_END, JPEG_SCAN = 0xD9, 0xDA
_LONGEST_FTYP = 1024  # bytes of the first box of an ISO media file, which lists its brands
_PNG_CHUNKS, _PNG_OVERHEAD = 8, 12  # offset of the first; bytes of length, type and checksum around a chunk's content
_GIF_FRAME, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B

HEAD = 64  # bytes that `sniff` reads
PDF_HEAD = 1024  # the PDF specification allows other bytes in front of the header

_SIGNATURES: tuple[tuple[bytes, FileFormat], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}

# Files that people upload instead of images; the error message names them.
_OTHER_FILES = (
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
)


def sniff(data: bytes) -> FileFormat | None:
    """The format that the first bytes claim, or None."""
    head = data[:HEAD]
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _read_iso_brand(head)
    return "PDF" if b"%PDF-" in data[:PDF_HEAD] else None


def describe_content(data: bytes) -> str:
    """Name the kind of a file that is not a supported image, for an error message."""
    if sniff(data) == "PDF":
        return "a PDF"
    start = data[:HEAD].lstrip()
    for signature, name in _OTHER_FILES:
        if start.startswith(signature) or start.lower().startswith(signature.lower()):
            return name
    if data[4:8] == b"ftyp":
        return "a video or another ISO media file"
    if start.lower().startswith(b"data:"):
        return "a data URL in place of a file"
    if _is_base64(start):
        return "a file in base64"
    return f"an unknown format (first bytes {data[:8].hex(' ')})"


def _is_base64(start: bytes) -> bool:
    """Whether these first characters stand for those of a format that is known."""
    digits = start[: len(start) // 4 * 4]
    try:
        return sniff(b64decode(digits.partition(b"\r")[0].partition(b"\n")[0], validate=True)) is not None
    except ValueError:
        return False


def is_cut_off(data: bytes, format: FileFormat) -> bool:
    """Whether the file's own structure shows that bytes are missing at its end."""
    match format:
        case "JPEG":
            return b"\xff\xd9" not in data[-1024:]  # some cameras write a few bytes after the end marker
        case "PNG":
            return b"IEND" not in data[-1024:]
        case "GIF":
            return not data.rstrip(b"\0").endswith(b";")
        case "WEBP":
            return len(data) < 8 + int.from_bytes(data[4:8], "little")
        case "BMP":
            return len(data) < int.from_bytes(data[2:6], "little")
        case "HEIF" | "AVIF":
            return _is_iso_box_cut_off(data)
        case "TIFF" | "PDF":
            return False  # offsets point anywhere: only the decoder can tell


def _read_iso_brand(head: bytes) -> FileFormat | None:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def _is_iso_box_cut_off(data: bytes) -> bool:
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            return True
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:  # to the end of the file
            return False
        if size < 8:
            return False
        at += size
    return at > len(data)


def iter_jpeg_segments(data: bytes, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of the JPEG at `start`, up to its end-of-image marker, which is the last.

    Bytes between segments are skipped: pixels follow a scan's. An end may lie beyond the file's.
    """
    at = start + 2
    while (match := _JPEG_MARKER.search(data, at)) is not None:
        marker, at, content = data[match.start() + 1], match.end(), match.end() + 2
        if marker != JPEG_END:
            at = max(content, at + int.from_bytes(data[at:content], "big"))
        yield marker, match.start(), at
        if marker == JPEG_END:
            return


def drop_clip(data: bytes, format: FileFormat) -> bytes:
    """Without what `find_clip` finds, so that the end of a JPEG that lacks its end marker is the file's."""
    clip = find_clip(data) if format == "JPEG" else None
    return data if clip is None else data[:clip]


def find_clip(data: bytes, start: int = 0) -> int | None:
    """Where an ISO media file begins behind the pixels of the JPEG at `start`; None where that has an end marker."""
    if data.find(b"ftyp", start) < 0:
        return None
    pixels = None
    for marker, at, end in iter_jpeg_segments(data, start):
        if pixels is not None and (clip := _find_media_file(data, pixels, at)) is not None:
            return clip
        if marker == JPEG_END:
            return None
        pixels = end if marker == JPEG_SCAN else None
    return None if pixels is None else _find_media_file(data, pixels, len(data))


def _find_media_file(data: bytes, start: int, end: int) -> int | None:
    at = data.find(b"ftyp", start + 4, end)
    while at >= 0:
        size = int.from_bytes(data[at - 4 : at], "big")
        if 16 <= size <= _LONGEST_FTYP and size % 4 == 0 and data[at + 4 : at + 8].decode("latin-1").isprintable():
            return at - 4
        at = data.find(b"ftyp", at + 4, end)
    return None


def iter_png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each chunk of a PNG, up to IEND. Content begins 8 bytes behind a chunk's start, and a
    checksum of 4 follows it. The last chunk's end may lie beyond the file's.
    """
    at = _PNG_CHUNKS
    while at + _PNG_OVERHEAD <= len(data):
        kind, end = data[at + 4 : at + 8], at + _PNG_OVERHEAD + int.from_bytes(data[at : at + 4], "big")
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end


def iter_gif_frames(data: bytes) -> Iterator[int]:
    """Start offset of each frame of a GIF, up to the first invalid byte."""
    return (start for block, start, _ in iter_gif_blocks(data) if block == _GIF_FRAME)


def iter_gif_blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type byte, start and end of each block after a GIF's header: frames, extensions and the trailer."""
    at = 13 + _gif_colour_table_size(data, 10)
    while at < len(data):
        block = data[at]
        if block == _GIF_FRAME:
            end = _skip_gif_sub_blocks(data, _find_gif_pixels(data, at))
        elif block == _GIF_EXTENSION:
            end = _skip_gif_sub_blocks(data, at + 2)
        elif block == _GIF_END:
            end = at + 1
        else:
            return
        yield block, at, end
        if block == _GIF_END:
            return
        at = end


def iter_gif_frame_data(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the blocks with each frame's pixels, the empty one at their end included."""
    for block, start, end in iter_gif_blocks(data):
        if block == _GIF_FRAME:
            yield _find_gif_pixels(data, start), end


def _find_gif_pixels(data: bytes, frame: int) -> int:
    """After the image descriptor, an optional colour table, and one byte of code size."""
    return frame + 10 + _gif_colour_table_size(data, frame + 9) + 1


def _gif_colour_table_size(data: bytes, at: int) -> int:
    """Size in bytes of the colour table that the flags at `at` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_gif_sub_blocks(data: bytes, at: int) -> int:
    """Offset after a chain of sub-blocks: each begins with its length, and a length of 0 ends the chain."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def iter_riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """FourCC, start and end of each chunk of a WebP, header included, up to the file's or its declared end."""
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= stop:
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at, min(end, stop)
        at = end + end % 2


def is_lossless(data: bytes, format: FileFormat) -> bool:
    """Whether the file stores pixels losslessly: a WebP says so, the other formats nearly always do or never do."""
    if format == "WEBP":
        return any(kind == b"VP8L" for kind, _, _ in islice(iter_riff_chunks(data), 16))
    return format in ("PNG", "GIF", "BMP", "TIFF")


def read_webp_size(data: bytes) -> tuple[int, int]:
    """Canvas width and height from a WebP's first chunk; (0, 0) if that chunk is unknown."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return 0, 0
