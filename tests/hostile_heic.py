"""HEIC files that once crashed or stalled libheif, drawn for the tests."""

import struct
from dataclasses import dataclass, field

import numpy as np

from tests.heic import (
    NAL_IDR_N_LP,
    Samples,
    _box,
    _full_box,
    _hvcc,
    _nal,
    _slice,
)

HeicItem = tuple[bytes, bytes, list[bytes]]  # kind, data, property boxes

SIDE = 64
GREY: Samples = np.full((SIDE, SIDE, 3), 90, np.uint8)
ALPHA = b"urn:mpeg:hevc:2015:auxid:1\0"


@dataclass
class HeicLayout:
    """A HEIC of items by number. `references` are kind, origin and target."""

    items: dict[int, HeicItem]
    references: list[tuple[bytes, int, int]] = field(default_factory=list)
    brands: bytes = b"mif1heic"
    is_mdat_first: bool = False
    has_long_entries: bool = False

    def to_bytes(self) -> bytes:
        ftyp = _box(b"ftyp", b"heic", struct.pack(">I", 0), self.brands)
        data = _box(b"mdat", *(content for _, content, _ in self.items.values()))
        start = len(ftyp) + 8 + (0 if self.is_mdat_first else len(self._meta(0)))
        parts = [data, self._meta(start)] if self.is_mdat_first else [self._meta(start), data]
        return ftyp + b"".join(parts)

    def _meta(self, offset: int) -> bytes:
        locations, entries, links = b"", b"", b""
        properties: list[bytes] = []
        for number, (kind, content, boxes) in self.items.items():
            locations += struct.pack(">HHHII", number, 0, 1, offset, len(content))
            offset += len(content)
            entries += self._entry(number, kind)
            indices = range(len(properties) + 1, len(properties) + 1 + len(boxes))
            links += struct.pack(">HB", number, len(boxes)) + bytes(indices)
            properties += boxes
        count = struct.pack(">H", len(self.items))
        parts = (
            _full_box(b"hdlr", 0, struct.pack(">4x4s13x", b"pict")),
            _full_box(b"pitm", 0, struct.pack(">H", 1)),
            _full_box(b"iloc", 0, b"\x44\x00", count, locations),
            _full_box(b"iinf", 0, count, entries),
            _full_box(b"iref", 0, *(_box(kind, struct.pack(">HHH", a, 1, b)) for kind, a, b in self.references)),
            _box(b"iprp", _box(b"ipco", *properties), _full_box(b"ipma", 0, struct.pack(">I", len(self.items)), links)),
        )
        return _full_box(b"meta", 0, *parts)

    def _entry(self, number: int, kind: bytes) -> bytes:
        body = struct.pack(">B3xHH4sx", 2, number, 0, kind)
        if self.has_long_entries:
            return struct.pack(">I4sQ", 1, b"infe", len(body) + 16) + body
        return _box(b"infe", body)


def coded(*, is_grey: bool = False, header_bits: int = 8) -> HeicItem:
    """A stream of 8 bits, whatever the header says."""
    unit = _nal(NAL_IDR_N_LP, _slice(GREY, is_grey=is_grey))
    boxes = [_hvcc(SIDE, SIDE, is_grey=is_grey, bits=header_bits), _size()]
    return b"hvc1", struct.pack(">I", len(unit)) + unit, boxes


def derived(kind: bytes, *boxes: bytes) -> HeicItem:
    return kind, b"", [_size(), *boxes]


def _size() -> bytes:
    return _full_box(b"ispe", 0, struct.pack(">II", SIDE, SIDE))


def alpha() -> bytes:
    return _full_box(b"auxC", 0, ALPHA)


NO_TEXT: HeicItem = (b"\xff" * 4, bytes(36), [])

# The last two parts of each name say what it did to libheif 1.23.0 or its Python binding.
HOSTILE = {
    "plain, no text type, crash": HeicLayout({1: coded(), 2: NO_TEXT}, [(b"cdsc", 2, 1)]),
    "mdat first, no text type, crash": HeicLayout({1: coded(), 2: NO_TEXT}, [(b"cdsc", 2, 1)], is_mdat_first=True),
    "brand mdat, no text type, crash": HeicLayout({1: coded(), 2: NO_TEXT}, [(b"cdsc", 2, 1)], brands=b"mif1heicmdat"),
    "64-bit entries, no text type, crash": HeicLayout(
        {1: coded(), 2: NO_TEXT}, [(b"cdsc", 2, 1)], has_long_entries=True
    ),
    "iden, alpha of its own source, deadlock": HeicLayout(
        {1: coded(), 2: derived(b"iden", alpha())}, [(b"dimg", 2, 1), (b"auxl", 2, 1)]
    ),
    "iden, of itself, deadlock": HeicLayout({1: derived(b"iden")}, [(b"dimg", 1, 1)]),
    "grey, header of 10 bits, heap corruption": HeicLayout({1: coded(is_grey=True, header_bits=10)}),
}
