"""HEIF and AVIF: boxes, and where the items for Exif and XMP are (ISO/IEC 14496-12, 23008-12)."""

from collections.abc import Iterator
from itertools import islice

from pipelines.moderation.file_structure.part import MOST_PARTS, Anatomy, Kind, Part

_IMAGE = {b"ftyp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"styp"}
# Behind the image, as its makers say: videos of motion photos, Samsung's own data.
TRAILERS = {b"mpvd", b"sefd"}

Box = tuple[bytes, int, int]


def heif(data: bytes) -> Anatomy:
    parts, last = list[Part](), 0
    for kind, start, end in boxes(data, 0, len(data)):
        if kind in TRAILERS:
            break
        last = end
        if kind == b"meta":
            parts += islice(_items(data, start, end), MOST_PARTS)
        elif kind not in _IMAGE:
            parts.append(Part("other", start, end))
    return Anatomy.of(parts, last or len(data), data)


def boxes(data: bytes, at: int, stop: int) -> Iterator[Box]:
    """Kind, start of the content and end of each box, up to the first that makes no sense."""
    for _ in range(MOST_PARTS):
        size, kind, content = _number(data, at, 4), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, content = _number(data, at + 8, 8), at + 16
        end = at + size if size else stop
        if content > stop or end < content or end > stop or not kind.isascii() or not kind.decode().isprintable():
            return
        yield kind, content, end
        at = end


def _items(data: bytes, start: int, end: int) -> Iterator[Part]:
    """Metadata among the items of a `meta` box."""
    inside = {kind: (at, stop) for kind, at, stop in boxes(data, start + 4, end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        return
    kinds = dict(_kinds(data, *inside[b"iinf"]))
    own, _ = inside.get(b"idat", (0, 0))
    for item, at, stop in _places(data, *inside[b"iloc"], own):
        kind = kinds.get(item)
        if kind == "exif":
            at += 4 + _number(data, at, 4)  # an item for Exif begins with the distance to its TIFF header
            at += 6 if data.startswith(b"Exif\0\0", at) else 0
        if kind:
            yield Part(kind, at, stop)


def _kinds(data: bytes, start: int, end: int) -> Iterator[tuple[int, Kind]]:
    """Item and kind of those that are metadata."""
    for box, at, stop in boxes(data, start + (6 if data[start : start + 1] == b"\0" else 8), end):
        if box != b"infe":
            continue
        wide = 4 if data[at : at + 1] == b"\x03" else 2
        item, kind = _number(data, at + 4, wide), data[at + 6 + wide : at + 10 + wide]
        if kind == b"Exif":
            yield item, "exif"
        elif kind == b"mime":
            yield item, "xmp" if b"rdf+xml" in data[at:stop] else "other"


def _places(data: bytes, start: int, end: int, own: int) -> Iterator[tuple[int, int, int]]:
    """Item, start and end of each stretch of an item; `own` is where the data inside the `meta` box begins."""
    version, sizes = data[start], _number(data, start + 4, 2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    at = start + 6
    count = _number(data, at, wide)
    at += wide
    for _ in range(min(count, MOST_PARTS)):
        item = _number(data, at, wide)
        at += wide
        inside = version > 0 and _number(data, at, 2) & 15 == 1
        at += 4 if version else 2
        base = _number(data, at, for_base) + (own if inside else 0)
        extents = _number(data, at + for_base, 2)
        at += for_base + 2
        step = (for_index if version else 0) + for_offset + for_length
        for _ in range(min(extents, MOST_PARTS)):
            if at + step > end:
                return
            place = base + _number(data, at + step - for_length - for_offset, for_offset)
            yield item, place, place + _number(data, at + step - for_length, for_length)
            at += step


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
