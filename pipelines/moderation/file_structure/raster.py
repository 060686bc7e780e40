"""PNG and WebP chunks, GIF blocks, BMP headers."""

from pipelines.image.formats import gif_blocks, riff_chunks
from pipelines.moderation.file_structure.part import MOST_PARTS, Anatomy, Kind, Part

_PNG_IMAGE = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"hIST", b"tIME",
    b"sPLT", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
}  # fmt: skip
_PNG_KINDS: dict[bytes, Kind] = {b"eXIf": "exif", b"iCCP": "icc", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text"}
_PNG_XMP = b"XML:com.adobe.xmp\0"

_WEBP_IMAGE = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_KINDS: dict[bytes, Kind] = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}

_GIF_EXTENSION, _GIF_END = 0x21, 0x3B
_GIF_KINDS: dict[int, Kind] = {0x01: "text", 0xFE: "comment"}  # by the extension's label
_GIF_APPLICATION = 0xFF
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

_BMP_UNCOMPRESSED = (0, 3, 6)  # plain, and with masks that say where each colour's bits are


def png(data: bytes) -> Anatomy:
    parts, at = list[Part](), 8
    for _ in range(MOST_PARTS):
        if at + 12 > len(data):
            return Anatomy.of(parts, len(data), data)
        kind, content = data[at + 4 : at + 8], at + 8
        end = content + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return Anatomy.of(parts, end + 4, data)
        if data.startswith(_PNG_XMP, content):
            parts.append(Part("xmp", content, end))
        elif kind not in _PNG_IMAGE:
            parts.append(Part(_PNG_KINDS.get(kind, "other"), content, end))
        at = end + 4  # behind its checksum
    return Anatomy.of([*parts, Part("gap", at, len(data))], len(data), data)


def webp(data: bytes) -> Anatomy:
    parts, last = list[Part](), 12
    for count, (kind, start, end) in enumerate(riff_chunks(data)):
        if count == MOST_PARTS:
            parts.append(Part("gap", start, len(data)))
            break
        last = end + end % 2
        if kind not in _WEBP_IMAGE:
            content = start + (14 if data.startswith(b"Exif\0\0", start + 8) else 8)
            parts.append(Part(_WEBP_KINDS.get(kind, "other"), content, end))
    end = 8 + int.from_bytes(data[4:8], "little")
    return Anatomy.of([*parts, Part("gap", last, end)], end, data)


def gif(data: bytes) -> Anatomy:
    parts, last = list[Part](), 0
    for count, (block, start, end) in enumerate(gif_blocks(data)):
        if count == MOST_PARTS:
            return Anatomy.of([*parts, Part("gap", start, len(data))], len(data), data)
        last = end
        if block == _GIF_EXTENSION and (kind := _gif_extension(data, start)):
            parts.append(Part(kind, start + 2, end))
    return Anatomy.of(parts, last or len(data), data)


def _gif_extension(data: bytes, start: int) -> Kind | None:
    label = data[start + 1] if start + 1 < len(data) else 0
    if label != _GIF_APPLICATION:
        return _GIF_KINDS.get(label)
    application = data[start + 3 : start + 14]
    if application in _GIF_LOOPS:
        return None
    return "xmp" if application.startswith(b"XMP Data") else "icc" if application.startswith(b"ICCRGBG1") else "other"


def bmp(data: bytes) -> Anatomy:
    """The end follows from the size of the picture, not from the file size that the header claims."""
    pixels, header = _little(data, 10), _little(data, 14)
    if header == 12:  # OS/2's
        width, height, bits, compression = _little(data, 18, 2), _little(data, 20, 2), _little(data, 24, 2), 0
    else:
        width, bits, compression = _little(data, 18), _little(data, 28, 2), _little(data, 30)
        height = abs(int.from_bytes(data[22:26], "little", signed=True))
    row = (width * bits + 31) // 32 * 4
    end = pixels + (row * height if compression in _BMP_UNCOMPRESSED else _little(data, 34))
    parts = [Part("gap", _bmp_head(data, header, bits, compression), pixels)]
    if header >= 124:
        profile, size = 14 + _little(data, 126), _little(data, 130)
        if profile >= end - 4 and size:
            parts.append(Part("icc", profile, profile + size))
            end = profile + size
    return Anatomy.of(parts, end, data)


def _bmp_head(data: bytes, header: int, bits: int, compression: int) -> int:
    """Where headers, masks and palette end."""
    masks = {3: 12, 6: 16}.get(compression, 0) if header == 40 else 0
    colours = (0 if header == 12 else _little(data, 46)) or (1 << bits if bits <= 8 else 0)
    return 14 + header + masks + colours * (3 if header == 12 else 4)


def _little(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")
