"""The items of a HEIF or AVIF file: what its `meta` box lists (ISO/IEC 23008-12 and 14496-12, 8.11)."""

from collections import Counter
from dataclasses import dataclass, field

from pipelines.image.heif.boxes import Box, ByteCursor, StructureInvalid, iter_boxes

MAX_ITEMS = 2_000  # a photograph of 200 megapixels has 800 tiles of 512 x 512
MAX_REFERENCES = 20_000
_ONCE = (b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat")
_IN_FILE, _IN_META = 0, 1  # construction methods: where an item's offsets count from


@dataclass(slots=True)
class Item:
    """`extents` are (start, end) in the file; `properties` are boxes. `inputs` are the items that it is derived from,
    `auxiliaries` those that add to it, such as its alpha."""

    kind: bytes
    extents: list[tuple[int, int]] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    auxiliaries: list[int] = field(default_factory=list)


def read_items(data: bytes, meta: Box) -> dict[int, Item]:
    """By item number. Raises StructureInvalid."""
    cursor = ByteCursor(data, meta)
    cursor.version_and_flags()
    children = list(iter_boxes(data, cursor.at, meta.end))
    counts = Counter(box.kind for box in children)
    if repeated := [kind for kind in _ONCE if counts[kind] > 1]:
        raise StructureInvalid(f"has more than one {repeated[0].decode()} box")
    boxes = {box.kind: box for box in children}
    items = _read_kinds(data, boxes[b"iinf"]) if b"iinf" in boxes else {}
    if b"iref" in boxes:
        _read_references(data, boxes[b"iref"], items)
    if b"iprp" in boxes:
        _read_properties(data, boxes[b"iprp"], items)
    if b"iloc" in boxes:
        _read_locations(data, boxes[b"iloc"], boxes.get(b"idat"), items)
    return items


def _read_kinds(data: bytes, iinf: Box) -> dict[int, Item]:
    cursor = ByteCursor(data, iinf)
    version, _ = cursor.version_and_flags()
    cursor.unsigned(2 if version == 0 else 4)  # their number, which the boxes tell as well
    items: dict[int, Item] = {}
    for box in iter_boxes(data, cursor.at, iinf.end):
        number, kind = _read_entry(data, box)
        if number in items:
            raise StructureInvalid(f"lists item {number} twice")
        items[number] = Item(kind)
        if len(items) > MAX_ITEMS:
            raise StructureInvalid(f"has more than {MAX_ITEMS:,} items")
    return items


def _read_entry(data: bytes, box: Box) -> tuple[int, bytes]:
    cursor = ByteCursor(data, box)
    version, _ = cursor.version_and_flags()
    if box.kind != b"infe" or version not in (2, 3):
        raise StructureInvalid("lists its items in a form that pictures do not use")
    number = cursor.unsigned(2 if version == 2 else 4)
    cursor.unsigned(2)  # protection
    kind, texts = cursor.take(4), cursor.take(cursor.end - cursor.at)
    try:
        texts.decode("utf-8")  # name and content type: readers take them for text, and some crash if they are not
        is_text = kind.decode("ascii").isprintable()
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        raise StructureInvalid("has an item whose type or name is no text")
    return number, kind


def _read_references(data: bytes, iref: Box, items: dict[int, Item]) -> None:
    cursor = ByteCursor(data, iref)
    version, _ = cursor.version_and_flags()
    size, total = (2 if version == 0 else 4), 0
    for box in iter_boxes(data, cursor.at, iref.end):
        inner = ByteCursor(data, box)
        origin, count = inner.unsigned(size), inner.unsigned(2)
        total += count
        if total > MAX_REFERENCES:
            raise StructureInvalid(f"has more than {MAX_REFERENCES:,} references between items")
        targets = [inner.unsigned(size) for _ in range(count)]
        if box.kind == b"dimg" and origin in items:
            items[origin].inputs += targets
        for target in targets:
            if box.kind == b"auxl" and target in items:
                items[target].auxiliaries.append(origin)


def _read_properties(data: bytes, iprp: Box, items: dict[int, Item]) -> None:
    children = list(iter_boxes(data, iprp.start, iprp.end))
    containers = [box for box in children if box.kind == b"ipco"]
    if len(containers) != 1:
        raise StructureInvalid("has not one list of properties")
    properties = list(iter_boxes(data, containers[0].start, containers[0].end))
    for box in children:
        if box.kind == b"ipma":
            _assign_properties(data, box, properties, items)


def _assign_properties(data: bytes, ipma: Box, properties: list[Box], items: dict[int, Item]) -> None:
    cursor = ByteCursor(data, ipma)
    version, flags = cursor.version_and_flags()
    size, bits = (2, 15) if flags & 1 else (1, 7)
    for _ in range(cursor.unsigned(4)):
        number = cursor.unsigned(2 if version == 0 else 4)
        for _ in range(cursor.unsigned(1)):
            index = cursor.unsigned(size) & (1 << bits) - 1  # the highest bit says that readers must know the property
            if index > len(properties):
                raise StructureInvalid("has an item with a property that is missing")
            if index and number in items:
                items[number].properties.append(properties[index - 1])


def _read_locations(data: bytes, iloc: Box, idat: Box | None, items: dict[int, Item]) -> None:
    cursor = ByteCursor(data, iloc)
    version, _ = cursor.version_and_flags()
    sizes = cursor.unsigned(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(cursor.unsigned(2 if version < 2 else 4)):
        number = cursor.unsigned(2 if version < 2 else 4)
        method = cursor.unsigned(2) & 15 if version else _IN_FILE
        cursor.unsigned(2)  # data in this file
        base = cursor.unsigned(base_size)
        extents = []
        for _ in range(cursor.unsigned(2)):
            cursor.unsigned(index_size)
            offset, length = base + cursor.unsigned(offset_size), cursor.unsigned(length_size)
            extents.append(_locate(len(data), idat, method, offset, length))
        if number in items:
            items[number].extents += extents


def _locate(size: int, idat: Box | None, method: int, offset: int, length: int) -> tuple[int, int]:
    """The place in the file; a length of 0 goes to the end."""
    if method not in (_IN_FILE, _IN_META) or (method == _IN_META and idat is None):
        raise StructureInvalid("has an item whose data cannot be located")
    start, end = (idat.start, idat.end) if method == _IN_META and idat is not None else (0, size)
    stop = min(start + offset + length, end) if length else end
    return min(start + offset, end), stop
