"""Refuses HEIF and AVIF files that are not what cameras and encoders write.

libheif reads far more of the format than pictures need, and its errors have been in those parts. So the kinds of
items are an allow-list, items may depend on each other only as pictures do, and the header must describe the stream
as it is: decoders allocate by the one and write by the other.
"""

from collections.abc import Callable

from pipelines.errors import ImageCorrupt, ImageTruncated, TooManyPixels
from pipelines.image.formats import FileFormat
from pipelines.image.heif.av1 import read_av1
from pipelines.image.heif.boxes import Box, ByteCursor, StructureInvalid, iter_boxes
from pipelines.image.heif.hevc import read_hevc
from pipelines.image.heif.items import Item, read_items
from pipelines.image.heif.stream_headers import SequenceHeader, StreamHeaders

# By the kind of a coded item: its header's box, and what reads that and the stream.
_CODED: dict[bytes, tuple[bytes, Callable[[bytes, Box, bytes], StreamHeaders]]] = {
    b"hvc1": (b"hvcC", read_hevc),
    b"av01": (b"av1C", read_av1),
}
_GRID, _IDENTITY = b"grid", b"iden"
# Metadata, gain maps and JPEG thumbnails of phones and cameras: read by nobody here, and never decoded as pictures.
_PASSIVE = (b"Exif", b"mime", b"uri ", b"tmap", b"jpeg")
_MAX_DEPTH = 5  # an iden of a grid whose alpha is a grid of coded items, and one to spare
_MAX_BORDER = 128  # pixels a side by which streams are larger than pictures, because codecs work in blocks


def check_heif(data: bytes, format: FileFormat, *, pixels: int) -> None:
    """Raises ImageCorrupt or ImageTruncated, or TooManyPixels where any picture in the file has more than `pixels`."""
    boxes, is_whole = _list_boxes(data)
    try:
        _check_brands(data)
        metas = [box for box in boxes if box.kind == b"meta"]
        if len(metas) > 1:
            raise StructureInvalid("has more than one meta box")
        items = read_items(data, metas[0]) if metas else {}
        for number, item in items.items():
            _check_kind(number, item, items)
        _check_dependencies(items)
        if is_whole:  # else the decoder tells what is missing
            for item in items.values():
                _check_stream(data, item, pixels)
    except StructureInvalid as cause:
        raise (ImageCorrupt if is_whole else ImageTruncated)(f"this {format} {cause}") from cause


def _list_boxes(data: bytes) -> tuple[list[Box], bool]:
    """The boxes of the file, and whether they fill it."""
    boxes: list[Box] = []
    try:
        for box in iter_boxes(data, 0, len(data)):
            boxes.append(box)
    except StructureInvalid:
        return boxes, False
    return boxes, True


def _check_brands(data: bytes) -> None:
    end = min(int.from_bytes(data[:4], "big"), len(data))
    if b"mdat" in [data[at : at + 4] for at in range(8, end, 4)]:  # misleads readers that search for that box
        raise StructureInvalid("has the name of a box among its brands")


def _check_kind(number: int, item: Item, items: dict[int, Item]) -> None:
    kinds = {items[one].kind if one in items else b"" for one in item.inputs}
    if item.kind == _GRID:
        is_sound = len(kinds) == 1 and kinds <= _CODED.keys()
    elif item.kind == _IDENTITY:
        is_sound = len(item.inputs) == 1 and kinds <= {*_CODED, _GRID}
    else:
        is_sound = item.kind in _CODED or item.kind in _PASSIVE
    if not is_sound:
        raise StructureInvalid(f"has item {number} of a kind, or made of items, that pictures do not have")


def _check_dependencies(items: dict[int, Item]) -> None:
    """Decoding an item decodes its inputs and auxiliaries. In a circle, decoders wait for themselves."""
    needed = {number: {*item.inputs, *item.auxiliaries} for number, item in items.items()}
    for _ in range(_MAX_DEPTH):
        needed = {number: others for number, others in needed.items() if not others.isdisjoint(needed)}
    if needed:
        raise StructureInvalid("has items that depend on themselves, or on each other too deeply")


def _check_stream(data: bytes, item: Item, pixels: int) -> None:
    """The stream must be as the file says, and its picture of about the size."""
    if item.kind not in _CODED:
        return
    name, read_headers = _CODED[item.kind]
    boxes = {kind: [box for box in item.properties if box.kind == kind] for kind in (name, b"ispe")}
    if any(len(found) != 1 for found in boxes.values()):
        raise StructureInvalid("has a picture whose header or size is missing, or there twice")
    stream = b"".join(data[start:end] for start, end in item.extents)
    headers = read_headers(data, boxes[name][0], stream)
    if not headers.found or any(one.format != headers.declared for one in headers.found):
        raise StructureInvalid("has a header that differs from its stream in bit depth or chroma")
    cursor = ByteCursor(data, boxes[b"ispe"][0])
    cursor.version_and_flags()
    width, height = cursor.unsigned(4), cursor.unsigned(4)
    if width * height > pixels + _MAX_BORDER * (width + height):
        raise TooManyPixels(width, height, pixels)
    if any(_is_larger(one, width, height) for one in headers.found):
        raise StructureInvalid("has a stream whose picture is larger than the header says")


def _is_larger(sequence: SequenceHeader, width: int, height: int) -> bool:
    return sequence.width > width + _MAX_BORDER or sequence.height > height + _MAX_BORDER
