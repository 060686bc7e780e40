"""TIFF directories, of TIFF files and of Exif blocks, which are TIFF files without pixels (TIFF 6.0; BigTIFF)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from pipelines.moderation.file_structure.part import MOST_PARTS, Anatomy, Kind, Part

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_BYTES, _TEXT, _UNDEFINED = 1, 2, 7

_GPS, _LATITUDE, _LONGITUDE = 34853, 2, 4
_DIRECTORIES = (330, 34665, _GPS, 40965)  # further ones hang from these tags: SubIFDs, Exif, GPS, interoperability
_PLACES = {273: 279, 324: 325, 513: 514}  # offsets of strips, tiles and thumbnails, and the tags of their sizes
_JPEG_TABLES = 347
_KINDS: dict[int, Kind] = {
    700: "xmp", 33723: "photoshop", 34377: "photoshop", 37724: "photoshop", 34675: "icc", 37510: "comment",
}  # fmt: skip

_MOST_WAITING = 256  # directories that were pointed to and not yet looked at

Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag whose value is at `start` to `end` in the file; `directory` is the tag that its directory hangs from.

    `page` is where that directory stands.
    """

    tag: int
    kind: int
    start: int
    end: int
    directory: int
    page: int


def tiff(data: bytes) -> Anatomy:
    """Ends behind the last byte that some directory points to."""
    found = list(islice(_entries(data, 0, len(data)), MOST_PARTS))
    order = _order(data, 0)
    ends = [entry.end for entry in found if entry.end <= len(data)]
    sizes = {(entry.page, entry.tag): entry for entry in found}
    for entry in found:
        if size := sizes.get((entry.page, _PLACES.get(entry.tag, -1))):
            ends.append(_last_end(data, entry, size, order))
    parts = [Part(kind, entry.start, entry.end) for entry in found if (kind := _kind(entry))]
    return Anatomy.of(parts, max(ends, default=len(data)), data)


def has_position(data: bytes, start: int, end: int) -> bool:
    """Whether the TIFF or Exif block at `start` has a latitude and a longitude. Cameras may leave both empty."""
    entries = islice(_entries(data, start, end), MOST_PARTS)
    given = {
        one.tag for one in entries if one.directory == _GPS and any(data[one.start : min(one.end, one.start + 24)])
    }
    return {_LATITUDE, _LONGITUDE} <= given


def _kind(entry: Entry) -> Kind | None:
    if entry.tag in _KINDS:
        return _KINDS[entry.tag]
    if entry.kind == _TEXT:
        return "text"
    is_private = entry.tag >= 32768 and entry.tag not in _DIRECTORIES
    return "other" if is_private or (entry.kind in (_BYTES, _UNDEFINED) and entry.tag != _JPEG_TABLES) else None


def _last_end(data: bytes, offsets: Entry, sizes: Entry, order: Order) -> int:
    """Where the last of the strips or tiles ends that lie in the file."""
    at, long = (np.minimum(_numbers(data, one, order), len(data) + 1) for one in (offsets, sizes))
    count = min(len(at), len(long))
    ends = at[:count] + long[:count]
    return int(ends[ends <= len(data)].max(initial=0))


def _numbers(data: bytes, entry: Entry, order: Order) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    size = _SIZES.get(entry.kind, 1)
    content = data[entry.start : entry.end]
    kind = np.dtype(f"u{size}").newbyteorder("<" if order == "little" else ">")
    return np.frombuffer(content[: len(content) // size * size], kind).astype(np.uint64)


def _order(data: bytes, start: int) -> Order:
    return "big" if data[start : start + 2] == b"MM" else "little"


def _entries(data: bytes, base: int, stop: int) -> Iterator[Entry]:
    """All entries of all directories, each directory once. Offsets count from `base`."""
    order = _order(data, base)
    wide = 8 if int.from_bytes(data[base + 2 : base + 4], order) == 43 else 4  # BigTIFF has 8 bytes for every offset
    first = 8 if wide == 8 else 4

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : min(at + size, stop)], order)

    waiting, seen = [(base + number(base + first, wide), 0)], set[int]()
    while waiting:
        at, directory = waiting.pop()
        if at in seen or not base < at < stop:
            continue
        seen.add(at)
        page = at
        count = number(at, 8 if wide == 8 else 2)
        at += 8 if wide == 8 else 2
        width = 4 + 2 * wide  # tag, kind, count, and the value or where it is
        inside = min(count, max(0, (stop - at) // width))
        for place in range(at, at + inside * width, width):
            tag, kind, amount = number(place, 2), number(place + 2, 2), number(place + 4, wide)
            size = _SIZES.get(kind, 1) * amount
            field = place + 4 + wide
            value = field if size <= wide else base + number(field, wide)
            yield Entry(tag, kind, value, min(value + size, stop), directory, page)
            if tag in _DIRECTORIES and len(waiting) < _MOST_WAITING:
                step = _SIZES.get(kind, 4)
                pointers = range(value, min(value + size, value + 64 * step, stop), step)
                waiting += [(base + number(pointer, step), tag) for pointer in pointers]
        waiting.append((base + number(at + inside * width, wide), directory))
