"""Reads PNG and WebP chunks, GIF blocks and BMP headers."""

from pipelines.image.formats import iter_gif_blocks, iter_png_chunks, iter_riff_chunks
from pipelines.moderation.file_structure.structure import MAX_BLOCKS, FileStructure, MetadataBlock, MetadataKind

_PNG_IMAGE = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs", b"hIST", b"tIME",
    b"sPLT", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
}  # fmt: skip
_PNG_KINDS: dict[bytes, MetadataKind] = {
    b"eXIf": "exif", b"iCCP": "icc", b"tEXt": "text", b"zTXt": "text", b"iTXt": "text",
}  # fmt: skip
_PNG_XMP = b"XML:com.adobe.xmp\0"

_WEBP_IMAGE = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_KINDS: dict[bytes, MetadataKind] = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}

_GIF_EXTENSION, _GIF_END = 0x21, 0x3B
_GIF_KINDS: dict[int, MetadataKind] = {0x01: "text", 0xFE: "comment"}  # by the extension's label
_GIF_APPLICATION = 0xFF
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

_BMP_UNCOMPRESSED = (0, 3, 6)  # plain, and with masks that say where each colour's bits are


def read_png(data: bytes) -> FileStructure:
    blocks = list[MetadataBlock]()
    for count, (kind, start, end) in enumerate(iter_png_chunks(data)):
        if count == MAX_BLOCKS:
            return FileStructure.of([*blocks, MetadataBlock("gap", start, len(data))], len(data), data)
        if kind == b"IEND":
            return FileStructure.of(blocks, end, data)
        content, checksum = start + 8, end - 4
        if data.startswith(_PNG_XMP, content):
            blocks.append(MetadataBlock("xmp", content, checksum))
        elif kind not in _PNG_IMAGE:
            blocks.append(MetadataBlock(_PNG_KINDS.get(kind, "other"), content, checksum))
    return FileStructure.of(blocks, len(data), data)


def read_webp(data: bytes) -> FileStructure:
    blocks, last = list[MetadataBlock](), 12
    for count, (kind, start, end) in enumerate(iter_riff_chunks(data)):
        if count == MAX_BLOCKS:
            blocks.append(MetadataBlock("gap", start, len(data)))
            break
        last = end + end % 2
        if kind not in _WEBP_IMAGE:
            content = start + (14 if data.startswith(b"Exif\0\0", start + 8) else 8)
            blocks.append(MetadataBlock(_WEBP_KINDS.get(kind, "other"), content, end))
    end = 8 + int.from_bytes(data[4:8], "little")
    return FileStructure.of([*blocks, MetadataBlock("gap", last, end)], end, data)


def read_gif(data: bytes) -> FileStructure:
    blocks, last = list[MetadataBlock](), 0
    for count, (block, start, end) in enumerate(iter_gif_blocks(data)):
        if count == MAX_BLOCKS:
            return FileStructure.of([*blocks, MetadataBlock("gap", start, len(data))], len(data), data)
        last = end
        if block == _GIF_EXTENSION and (kind := _gif_metadata_kind(data, start)):
            blocks.append(MetadataBlock(kind, start + 2, end))
    return FileStructure.of(blocks, last or len(data), data)


def _gif_metadata_kind(data: bytes, start: int) -> MetadataKind | None:
    label = data[start + 1] if start + 1 < len(data) else 0
    if label != _GIF_APPLICATION:
        return _GIF_KINDS.get(label)
    application = data[start + 3 : start + 14]
    if application in _GIF_LOOPS:
        return None
    return "xmp" if application.startswith(b"XMP Data") else "icc" if application.startswith(b"ICCRGBG1") else "other"


def read_bmp(data: bytes) -> FileStructure:
    """The end follows from the picture's size, not from the file size that the header claims."""
    pixels, header = _read_int(data, 10), _read_int(data, 14)
    if header == 12:  # the header of OS/2
        width, height, bits, compression = _read_int(data, 18, 2), _read_int(data, 20, 2), _read_int(data, 24, 2), 0
    else:
        width, bits, compression = _read_int(data, 18), _read_int(data, 28, 2), _read_int(data, 30)
        height = abs(int.from_bytes(data[22:26], "little", signed=True))
    row = (width * bits + 31) // 32 * 4
    end = pixels + (row * height if compression in _BMP_UNCOMPRESSED else _read_int(data, 34))
    blocks = [MetadataBlock("gap", _bmp_headers_end(data, header, bits, compression), pixels)]
    if header >= 124:
        profile, size = 14 + _read_int(data, 126), _read_int(data, 130)
        if profile >= end - 4 and size:
            blocks.append(MetadataBlock("icc", profile, profile + size))
            end = profile + size
    return FileStructure.of(blocks, end, data)


def _bmp_headers_end(data: bytes, header: int, bits: int, compression: int) -> int:
    """The offset at which headers, masks and palette end."""
    masks = {3: 12, 6: 16}.get(compression, 0) if header == 40 else 0
    colours = (0 if header == 12 else _read_int(data, 46)) or (1 << bits if bits <= 8 else 0)
    return 14 + header + masks + colours * (3 if header == 12 else 4)


def _read_int(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")
