"""Reads the segments of a JPEG up to its end-of-image marker (ITU-T T.81, annex B)."""

from dataclasses import replace

from pipelines.image.formats import JPEG_END, JPEG_SCAN, find_clip, iter_jpeg_segments
from pipelines.moderation.file_structure.structure import MAX_BLOCKS, FileStructure, MetadataBlock, MetadataKind

_COMMENT = 0xFE

_SIGNATURES: tuple[tuple[bytes, MetadataKind], ...] = (
    (b"Exif\0\0", "exif"),
    (b"http://ns.adobe.com/xap/1.0/\0", "xmp"),
    (b"http://ns.adobe.com/xmp/extension/\0", "xmp"),
    (b"ICC_PROFILE\0", "icc"),
    (b"Photoshop 3.0\0", "photoshop"),
    (b"MPF\0", "mpf"),
    (b"JFXX\0", "thumbnail"),
)
_STRUCTURE = (b"JFIF\0", b"Adobe\0")


def read_jpeg(data: bytes, start: int = 0) -> FileStructure:
    """Read the image whose first marker stands at `start`."""
    if (clip := find_clip(data, start)) is not None:
        return replace(read_jpeg(data[:clip], start), end=clip)
    blocks, last, in_pixels = list[MetadataBlock](), start + 2, False
    for count, (marker, at, end) in enumerate(iter_jpeg_segments(data, start)):
        if count == MAX_BLOCKS:
            return FileStructure.of([*blocks, MetadataBlock("gap", last, len(data))], len(data), data)
        if not in_pixels:
            blocks.append(MetadataBlock("gap", last, at))
        if marker == JPEG_END:
            return FileStructure.of(blocks, end, data)
        last, in_pixels, content = end, marker == JPEG_SCAN, at + 4
        if marker == _COMMENT:
            blocks.append(MetadataBlock("comment", content, end))
        elif 0xE0 <= marker <= 0xEF and not data.startswith(_STRUCTURE, content):
            blocks.append(_read_application_segment(data, content, end))
    return FileStructure.of(blocks, len(data), data)


def _read_application_segment(data: bytes, start: int, end: int) -> MetadataBlock:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature, start):
            return MetadataBlock(kind, min(start + len(signature), end), end)
    return MetadataBlock("other", start, end)
