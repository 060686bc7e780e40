"""Reads the boxes of ISO base media files (ISO/IEC 14496-12), of which HEIF and AVIF consist.

Everything here raises StructureInvalid for bytes that contradict themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass


class StructureInvalid(Exception):
    """The message completes "this HEIF …" or "this AVIF …"."""


@dataclass(frozen=True, slots=True)
class Box:
    """`start` and `end` of its content in the file."""

    kind: bytes
    start: int
    end: int


def iter_boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes that fill `data[start:end]`."""
    while start < end:
        if end - start < 8:
            raise StructureInvalid("has bytes between its boxes")
        size, header = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        elif size == 0:  # to the end
            size = end - start
        if size < header or size > end - start:
            raise StructureInvalid("has a box that is longer than what it is in")
        yield Box(data[start + 4 : start + 8], start + header, start + size)
        start += size


class ByteCursor:
    """Reads numbers from a box one after the other."""

    def __init__(self, data: bytes, box: Box) -> None:
        self._data, self.at, self.end = data, box.start, box.end

    def unsigned(self, size: int) -> int:
        """A big-endian number of `size` bytes; 0 for no bytes."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        if size > self.end - self.at:
            raise StructureInvalid("has a box that ends too early")
        self.at += size
        return self._data[self.at - size : self.at]

    def version_and_flags(self) -> tuple[int, int]:
        return self.unsigned(1), self.unsigned(3)


class BitCursor:
    """Reads the bits of a header of HEVC or AV1 one after the other."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def bits(self, count: int) -> int:
        if count > self._left:
            raise StructureInvalid("has a stream whose header ends too early")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def skip(self, count: int) -> None:
        self.bits(count)

    def exponential_golomb(self) -> int:
        """ue(v) of ITU-T H.265."""
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            if zeros > 32:
                raise StructureInvalid("has a stream whose header has an impossible number")
        return (1 << zeros) - 1 + self.bits(zeros)
