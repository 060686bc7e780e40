"""Image files taken to pieces and put together again: chunks, blocks, directory entries, boxes.

Lengths and checksums are made anew, so that damage to one piece does not hide behind a damaged file.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pipelines.image.heif.boxes import iter_boxes
from tests.pipelines.images import png_chunk

_PNG_SIGNATURE = 8
_IN_SCAN = (0x00, *range(0xD0, 0xD8))  # after 0xFF: a stuffed byte or a restart, and no marker
_GIF_HEADER, _GIF_IMAGE, _GIF_EXTENSION = 13, 0x2C, 0x21
# How many bytes come before the boxes that a box contains.
_BOX_HEADS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": 6, b"iref": 4, b"dinf": 0}


@dataclass
class FilePart:
    """`claimed` is added to the length that the file states for the part. With `parts`, `body` lies before them."""

    kind: bytes
    body: bytes
    parts: list["FilePart"] = field(default_factory=list)
    claimed: int = 0


@dataclass(frozen=True)
class DividedFile:
    """A file of text has the `words` that damage puts into it; its numbers are decimal ones."""

    parts: list[FilePart]
    assemble: Callable[[list[FilePart]], bytes]
    words: tuple[bytes, ...] = ()


def divide_jpeg(data: bytes) -> DividedFile:
    """Parts are the segments by their markers, each scan with its coded data."""
    parts, at = [], 2
    while data[at : at + 2] != b"\xff\xd9":
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        head, start = data[at : at + 2], at + 4
        while head == b"\xff\xda" and (data[end] != 0xFF or data[end + 1] in _IN_SCAN):
            end += 1
        parts.append(FilePart(head, data[start:end]))
        at = end
    return DividedFile(parts, lambda new: data[:2] + b"".join(map(_jpeg_segment, new)) + data[at:])


def _jpeg_segment(part: FilePart) -> bytes:
    """The length of a scan is that of its header, which its first byte tells."""
    is_scan = part.kind == b"\xff\xda" and part.body
    length = 6 + 2 * part.body[0] if is_scan else len(part.body) + 2
    return part.kind + _wrap(">H", length + part.claimed) + part.body


def divide_png(data: bytes) -> DividedFile:
    parts, at = [], _PNG_SIGNATURE
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        parts.append(FilePart(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return DividedFile(parts, lambda new: data[:_PNG_SIGNATURE] + b"".join(map(_png_chunk, new)))


def _png_chunk(part: FilePart) -> bytes:
    chunk = png_chunk(part.kind, part.body)
    return _wrap(">I", len(part.body) + part.claimed) + chunk[4:]


def divide_webp(data: bytes) -> DividedFile:
    parts, at = [], 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        parts.append(FilePart(data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return DividedFile(parts, _join_webp)


def _join_webp(parts: list[FilePart]) -> bytes:
    body = b"WEBP" + b"".join(
        part.kind + _wrap("<I", len(part.body) + part.claimed) + part.body + bytes(len(part.body) % 2) for part in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def divide_gif(data: bytes) -> DividedFile:
    """Parts are the header with its colours, the extensions, images, and the end."""
    starts = [0, _GIF_HEADER + _gif_colours(data[10])]
    while starts[-1] < len(data):
        starts.append(_end_of_gif_block(data, starts[-1]))
    pieces = (data[start:end] for start, end in pairwise(starts))
    return DividedFile([FilePart(piece[:2], piece[2:]) for piece in pieces], _join_plain)


def _end_of_gif_block(data: bytes, at: int) -> int:
    if data[at] == _GIF_EXTENSION:
        at += 2
    elif data[at] == _GIF_IMAGE:
        at += 11 + _gif_colours(data[at + 9])
    else:
        return len(data)
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _gif_colours(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _join_plain(parts: list[FilePart]) -> bytes:
    return b"".join(part.kind + part.body for part in parts)


def divide_tiff(data: bytes) -> DividedFile:
    """Parts are the first directory's entries, by tag, and the place of the next directory.

    A changed directory goes to the end of the file, so that everything else stays where it was.
    """
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    fields = [data[at + 2 + 12 * index : at + 14 + 12 * index] for index in range(count)]
    next_at = data[at + 2 + 12 * count : at + 6 + 12 * count]
    parts = [FilePart(entry[:2], entry[2:]) for entry in fields] + [FilePart(b"", next_at)]

    def assemble(new: list[FilePart]) -> bytes:
        number = len(new) - 1 + sum(part.claimed for part in new)
        head = data[:4] + struct.pack(order + "I", len(data)) + data[8:]
        return head + _wrap(order + "H", number) + _join_plain(new)

    return DividedFile(parts, assemble)


def divide_iso(data: bytes) -> DividedFile:
    """Parts are the boxes of HEIC's or AVIF's `meta`, nested, and `ftyp`.

    The old `meta` becomes free space and the changed one goes to the end: items stay where `iloc` says.
    """
    boxes = list(iter_boxes(data, 0, len(data)))
    parts = [_read_box(data, one.start, one.end, one.kind) for one in boxes if one.kind in (b"ftyp", b"meta")]
    ftyp = struct.unpack_from(">I", data)[0]
    rest = data[ftyp:].replace(b"meta", b"free", 1)

    def assemble(new: list[FilePart]) -> bytes:
        first, *others = new or [FilePart(b"ftyp", data[8:ftyp])]
        start = _write_box(first)
        # Damage to `ftyp` must not move what `iloc` points to; a longer one may.
        return start + rest + b"".join(map(_write_box, others))

    return DividedFile(parts, assemble)


def divide_coded(data: bytes) -> DividedFile:
    """The only part is what HEIC's or AVIF's `mdat` contains, the coded pictures; its length stays."""
    mdat = next(one for one in iter_boxes(data, 0, len(data)) if one.kind == b"mdat")
    length = mdat.end - mdat.start

    def assemble(new: list[FilePart]) -> bytes:
        return data[: mdat.start] + _join_plain(new)[:length].ljust(length, b"\0") + data[mdat.end :]

    return DividedFile([FilePart(b"", data[mdat.start : mdat.end])], assemble)


def _read_box(data: bytes, start: int, end: int, kind: bytes) -> FilePart:
    head = _BOX_HEADS.get(kind)
    if head is None:
        return FilePart(kind, data[start:end])
    inner = iter_boxes(data, start + head, end)
    return FilePart(kind, data[start : start + head], [_read_box(data, one.start, one.end, one.kind) for one in inner])


def _write_box(part: FilePart) -> bytes:
    body = part.body + b"".join(map(_write_box, part.parts))
    return _wrap(">I", len(body) + 8 + part.claimed) + part.kind + body


def iter_places(parts: list[FilePart]) -> Iterator[tuple[list[FilePart], int]]:
    """Each part as a list and an index in it, however deep."""
    for index, part in enumerate(parts):
        yield parts, index
        yield from iter_places(part.parts)


def _wrap(layout: str, number: int) -> bytes:
    return struct.pack(layout, number % 2 ** (8 * struct.calcsize(layout)))
