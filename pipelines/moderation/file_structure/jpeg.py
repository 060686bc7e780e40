"""JPEG: segments up to the end-of-image marker (ITU-T T.81, annex B)."""

import re

from pipelines.moderation.file_structure.part import MOST_PARTS, Anatomy, Kind, Part

# Markers with something behind them. In pixels 0xff 0x00 is a byte and 0xd0 to 0xd7 restart the decoder.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"Exif\0\0", "exif"),
    (b"http://ns.adobe.com/xap/1.0/\0", "xmp"),
    (b"http://ns.adobe.com/xmp/extension/\0", "xmp"),
    (b"ICC_PROFILE\0", "icc"),
    (b"Photoshop 3.0\0", "photoshop"),
    (b"MPF\0", "mpf"),
    (b"JFXX\0", "thumbnail"),
)
_STRUCTURE = (b"JFIF\0", b"Adobe\0")


def jpeg(data: bytes, start: int = 0) -> Anatomy:
    """The image whose first marker stands at `start`."""
    parts, at, in_pixels = list[Part](), start + 2, False
    for _ in range(MOST_PARTS):
        found = _MARKER.search(data, at)
        if found is None:
            return Anatomy.of(parts, len(data), data)
        if found.start() > at and not in_pixels:
            parts.append(Part("gap", at, found.start()))
        marker = data[found.start() + 1]
        if marker == _EOI:
            return Anatomy.of(parts, found.end(), data)
        content = found.end() + 2
        at = max(content, found.end() + int.from_bytes(data[found.end() : content], "big"))
        in_pixels = marker == _SOS
        if marker == _COM:
            parts.append(Part("comment", content, at))
        elif 0xE0 <= marker <= 0xEF and not data.startswith(_STRUCTURE, content):
            parts.append(_application(data, content, at))
    return Anatomy.of([*parts, Part("gap", at, len(data))], len(data), data)


def _application(data: bytes, start: int, end: int) -> Part:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature, start):
            return Part(kind, min(start + len(signature), end), end)
    return Part("other", start, end)
