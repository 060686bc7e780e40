"""The wire format of protobuf, as far as reading a file takes: fields by number, in order.

Source: https://protobuf.dev/programming-guides/encoding. Nothing is copied but numbers: contents are views.
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5

Field = tuple[int, int | memoryview]  # its number and its value: an integer, or the bytes of everything else


def fields(message: memoryview) -> Iterator[Field]:
    """Raises ValueError where the bytes are no message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"protobuf has no field of kind {kind}")
        if at + length > len(message):
            raise ValueError("a field ends behind its message")
        yield number, message[at : at + length]
        at += length


def varints(packed: memoryview) -> Iterator[int]:
    """The numbers of a packed field; raises ValueError."""
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number ends behind its message")
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
