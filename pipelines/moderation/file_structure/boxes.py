"""Reads the boxes of HEIF and AVIF files, and finds their Exif and XMP items (ISO/IEC 14496-12, 23008-12)."""

from collections.abc import Iterator
from itertools import islice

from pipelines.moderation.file_structure.structure import MAX_BLOCKS, FileStructure, MetadataBlock, MetadataKind

_IMAGE_BOXES = {b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"styp"}
# Boxes behind the image: videos of motion photos, Samsung's own data.
TRAILING_BOXES = {b"mpvd", b"sefd"}

IsoBox = tuple[bytes, int, int]


def read_heif(data: bytes) -> FileStructure:
    blocks, last = list[MetadataBlock](), 0
    for kind, start, end in walk_boxes(data, 0, len(data)):
        if kind in TRAILING_BOXES:
            break
        last = end
        if kind == b"meta":
            blocks += islice(_find_metadata_items(data, start, end), MAX_BLOCKS)
        elif kind not in _IMAGE_BOXES:
            blocks.append(MetadataBlock("other", start, end))
    return FileStructure.of(blocks, last or len(data), data)


def walk_boxes(data: bytes, at: int, stop: int) -> Iterator[IsoBox]:
    """Yield kind, start of the content and end of each box, up to the first that makes no sense."""
    for _ in range(MAX_BLOCKS):
        size, kind, content = _read_number(data, at, 4), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, content = _read_number(data, at + 8, 8), at + 16
        end = at + size if size else stop
        if content > stop or end < content or end > stop or not kind.isascii() or not kind.decode().isprintable():
            return
        yield kind, content, end
        at = end


def _find_metadata_items(data: bytes, start: int, end: int) -> Iterator[MetadataBlock]:
    """Yield the metadata among the items of a `meta` box."""
    inside = {kind: (at, stop) for kind, at, stop in walk_boxes(data, start + 4, end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        return
    kinds = dict(_read_item_kinds(data, *inside[b"iinf"]))
    meta_data, _ = inside.get(b"idat", (0, 0))
    for item, at, stop in _read_item_extents(data, *inside[b"iloc"], meta_data):
        kind = kinds.get(item)
        if kind == "exif":
            at += 4 + _read_number(data, at, 4)  # an item for Exif begins with the offset of its TIFF header
            at += 6 if data.startswith(b"Exif\0\0", at) else 0
        if kind:
            yield MetadataBlock(kind, at, stop)


def _read_item_kinds(data: bytes, start: int, end: int) -> Iterator[tuple[int, MetadataKind]]:
    """Yield number and kind of each item that is metadata."""
    for box, at, stop in walk_boxes(data, start + (6 if data[start : start + 1] == b"\0" else 8), end):
        if box != b"infe":
            continue
        wide = 4 if data[at : at + 1] == b"\x03" else 2
        item, kind = _read_number(data, at + 4, wide), data[at + 6 + wide : at + 10 + wide]
        if kind == b"Exif":
            yield item, "exif"
        elif kind == b"mime":
            yield item, "xmp" if b"rdf+xml" in data[at:stop] else "other"


def _read_item_extents(data: bytes, start: int, end: int, meta_data: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each extent of an item; `meta_data` is where the data in the `meta` box begins."""
    version, sizes = data[start], _read_number(data, start + 4, 2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    at = start + 6
    count = _read_number(data, at, wide)
    at += wide
    for _ in range(min(count, MAX_BLOCKS)):
        item = _read_number(data, at, wide)
        at += wide
        is_in_meta = version > 0 and _read_number(data, at, 2) & 15 == 1
        at += 4 if version else 2
        base = _read_number(data, at, for_base) + (meta_data if is_in_meta else 0)
        extents = _read_number(data, at + for_base, 2)
        at += for_base + 2
        step = (for_index if version else 0) + for_offset + for_length
        for _ in range(min(extents, MAX_BLOCKS)):
            if at + step > end:
                return
            begin = base + _read_number(data, at + step - for_length - for_offset, for_offset)
            yield item, begin, begin + _read_number(data, at + step - for_length, for_length)
            at += step


def _read_number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
