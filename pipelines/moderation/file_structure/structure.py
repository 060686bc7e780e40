"""The structure of an image file: its metadata blocks, and where the image ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# Steps after which a walk stops: 20 MiB in the 64 KiB segments of a JPEG are 320, in 8 KiB chunks of a PNG 2,560.
MAX_BLOCKS = 20_000

MetadataKind = Literal["exif", "xmp", "icc", "photoshop", "mpf", "thumbnail", "text", "comment", "other", "gap"]


@dataclass(frozen=True, slots=True)
class MetadataBlock:
    """Bytes `start` to `end` are metadata. A "gap" belongs to nothing; "exif" begins with a TIFF header."""

    kind: MetadataKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FileStructure:
    """`blocks` are in order and do not overlap; everything else in front of `end` is pixels and structure."""

    blocks: tuple[MetadataBlock, ...]
    end: int

    @classmethod
    def of(cls, blocks: Iterable[MetadataBlock], end: int, data: bytes) -> "FileStructure":
        """`parts` may be out of order, overlap, and reach beyond the end of the file."""
        separate, last = list[MetadataBlock](), 0
        for block in sorted(blocks, key=lambda one: (one.start, one.end)):
            start, stop = max(block.start, last), min(block.end, len(data))
            if start < stop:
                separate.append(MetadataBlock(block.kind, start, stop))
                last = stop
        return cls(tuple(separate), min(end, len(data)))
