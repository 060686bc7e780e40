"""The result of a walk over a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# Steps after which a walk gives up: 20 MiB in the 64 KiB segments of a JPEG are 320, in 8 KiB chunks of a PNG 2,560.
MOST_PARTS = 20_000

Kind = Literal["exif", "xmp", "icc", "photoshop", "mpf", "thumbnail", "text", "comment", "other", "gap"]


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end` are metadata of this kind. "gap" belongs to nothing; "exif" begins with a TIFF header."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`parts` are in order and do not overlap; whatever else stands in front of `end` are pixels and structure."""

    parts: tuple[Part, ...]
    end: int

    @classmethod
    def of(cls, parts: Iterable[Part], end: int, data: bytes) -> "Anatomy":
        """With parts as they were found: out of order, over each other, beyond the file's end."""
        separate, last = list[Part](), 0
        for part in sorted(parts, key=lambda one: (one.start, one.end)):
            start, stop = max(part.start, last), min(part.end, len(data))
            if start < stop:
                separate.append(Part(part.kind, start, stop))
                last = stop
        return cls(tuple(separate), min(end, len(data)))
