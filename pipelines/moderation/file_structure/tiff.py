"""Reads the directories of TIFF files, and of Exif blocks, which are TIFF files without pixels (TIFF 6.0; BigTIFF)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from pipelines.moderation.file_structure.structure import MAX_BLOCKS, FileStructure, MetadataBlock, MetadataKind

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_BYTES, _TEXT, _UNDEFINED = 1, 2, 7

_GPS, _LATITUDE, _LONGITUDE = 34853, 2, 4
_DIRECTORIES = (330, 34665, _GPS, 40965)  # these tags point to further ones: SubIFDs, Exif, GPS, interoperability
_SIZE_TAGS = {273: 279, 324: 325, 513: 514}  # offsets of strips, tiles and thumbnails, and the tags of their sizes
_JPEG_TABLES = 347
_KINDS_BY_TAG: dict[int, MetadataKind] = {
    700: "xmp", 33723: "photoshop", 34377: "photoshop", 37724: "photoshop", 34675: "icc", 37510: "comment",
}  # fmt: skip

_MAX_PENDING = 256  # directories that were pointed to and not yet read

ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """A tag whose value lies at `start` to `end` in the file.

    `directory` is the tag that points to its directory, `page` the offset of that directory.
    """

    tag: int
    kind: int
    start: int
    end: int
    directory: int
    page: int


def read_tiff(data: bytes) -> FileStructure:
    """The image ends behind the last byte that some directory points to."""
    entries = list(islice(_walk_entries(data, 0, len(data)), MAX_BLOCKS))
    order = _read_byte_order(data, 0)
    ends = [entry.end for entry in entries if entry.end <= len(data)]
    sizes = {(entry.page, entry.tag): entry for entry in entries}
    for entry in entries:
        if size := sizes.get((entry.page, _SIZE_TAGS.get(entry.tag, -1))):
            ends.append(_find_last_end(data, entry, size, order))
    blocks = [MetadataBlock(kind, entry.start, entry.end) for entry in entries if (kind := _get_metadata_kind(entry))]
    return FileStructure.of(blocks, max(ends, default=len(data)), data)


def has_gps_position(data: bytes, start: int, end: int) -> bool:
    """Whether the TIFF or Exif block at `start` has a latitude and a longitude. Cameras may leave both empty."""
    entries = islice(_walk_entries(data, start, end), MAX_BLOCKS)
    given = {
        one.tag for one in entries if one.directory == _GPS and any(data[one.start : min(one.end, one.start + 24)])
    }
    return {_LATITUDE, _LONGITUDE} <= given


def _get_metadata_kind(entry: TiffEntry) -> MetadataKind | None:
    if entry.tag in _KINDS_BY_TAG:
        return _KINDS_BY_TAG[entry.tag]
    if entry.kind == _TEXT:
        return "text"
    is_private = entry.tag >= 32768 and entry.tag not in _DIRECTORIES
    return "other" if is_private or (entry.kind in (_BYTES, _UNDEFINED) and entry.tag != _JPEG_TABLES) else None


def _find_last_end(data: bytes, offsets: TiffEntry, sizes: TiffEntry, order: ByteOrder) -> int:
    """The end of the last strip or tile that lies in the file."""
    at, long = (np.minimum(_read_numbers(data, one, order), len(data) + 1) for one in (offsets, sizes))
    count = min(len(at), len(long))
    ends = at[:count] + long[:count]
    return int(ends[ends <= len(data)].max(initial=0))


def _read_numbers(data: bytes, entry: TiffEntry, order: ByteOrder) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    size = _TYPE_SIZES.get(entry.kind, 1)
    content = data[entry.start : entry.end]
    kind = np.dtype(f"u{size}").newbyteorder("<" if order == "little" else ">")
    return np.frombuffer(content[: len(content) // size * size], kind).astype(np.uint64)


def _read_byte_order(data: bytes, start: int) -> ByteOrder:
    return "big" if data[start : start + 2] == b"MM" else "little"


def _walk_entries(data: bytes, base: int, stop: int) -> Iterator[TiffEntry]:
    """Yield all entries of all directories, each directory once. Offsets count from `base`."""
    order = _read_byte_order(data, base)
    wide = 8 if int.from_bytes(data[base + 2 : base + 4], order) == 43 else 4  # BigTIFF has 8 bytes for every offset
    first = 8 if wide == 8 else 4

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : min(at + size, stop)], order)

    pending, visited = [(base + number(base + first, wide), 0)], set[int]()
    while pending:
        at, directory = pending.pop()
        if at in visited or not base < at < stop:
            continue
        visited.add(at)
        page = at
        count = number(at, 8 if wide == 8 else 2)
        at += 8 if wide == 8 else 2
        width = 4 + 2 * wide  # tag, kind, count, and the value or where it is
        count_inside = min(count, max(0, (stop - at) // width))
        for begin in range(at, at + count_inside * width, width):
            tag, kind, amount = number(begin, 2), number(begin + 2, 2), number(begin + 4, wide)
            size = _TYPE_SIZES.get(kind, 1) * amount
            field = begin + 4 + wide
            value = field if size <= wide else base + number(field, wide)
            yield TiffEntry(tag, kind, value, min(value + size, stop), directory, page)
            if tag in _DIRECTORIES and len(pending) < _MAX_PENDING:
                step = _TYPE_SIZES.get(kind, 4)
                pointers = range(value, min(value + size, value + 64 * step, stop), step)
                pending += [(base + number(pointer, step), tag) for pointer in pointers]
        pending.append((base + number(at + count_inside * width, wide), directory))
