"""Reads the segments of a JPEG up to its end-of-image marker (ITU-T T.81, annex B)."""

from pipelines.image.safety_limits import JPEG_MARKER
from pipelines.moderation.file_structure.structure import MAX_BLOCKS, FileStructure, MetadataBlock, MetadataKind

_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE

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
    blocks, at, in_pixels = list[MetadataBlock](), start + 2, False
    for _ in range(MAX_BLOCKS):
        match = JPEG_MARKER.search(data, at)
        if match is None:
            return FileStructure.of(blocks, len(data), data)
        if match.start() > at and not in_pixels:
            blocks.append(MetadataBlock("gap", at, match.start()))
        marker = data[match.start() + 1]
        if marker == _EOI:
            return FileStructure.of(blocks, match.end(), data)
        content = match.end() + 2
        at = max(content, match.end() + int.from_bytes(data[match.end() : content], "big"))
        in_pixels = marker == _SOS
        if marker == _COM:
            blocks.append(MetadataBlock("comment", content, at))
        elif 0xE0 <= marker <= 0xEF and not data.startswith(_STRUCTURE, content):
            blocks.append(_read_application_segment(data, content, at))
    return FileStructure.of([*blocks, MetadataBlock("gap", at, len(data))], len(data), data)


def _read_application_segment(data: bytes, start: int, end: int) -> MetadataBlock:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature, start):
            return MetadataBlock(kind, min(start + len(signature), end), end)
    return MetadataBlock("other", start, end)
