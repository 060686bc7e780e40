"""Bit depth, chroma and size of an HEVC picture, in its file's header and in the stream itself.

`hvcC` is ISO/IEC 14496-15, 8.3.3; the sequence parameter set is ITU-T H.265, 7.3.2.2.
"""

from collections.abc import Iterator

from pipelines.image.heif.boxes import BitCursor, Box, ByteCursor, StructureInvalid
from pipelines.image.heif.stream_headers import SampleFormat, SequenceHeader, StreamHeaders

_SEQUENCE_PARAMETERS = 33  # the type of a NAL unit
_GENERAL_PROFILE_BITS = 88
_MAX_UNITS = 10_000


def read_hevc(data: bytes, box: Box, stream: bytes) -> StreamHeaders:
    """`box` is the item's `hvcC`; parameter sets are in it, or in the stream. Raises StructureInvalid."""
    declared, length_size, units = _read_hvcc(data, box)
    found = [_read_sequence(unit) for unit in (*units, *_iter_units(stream, length_size)) if _is_sequence(unit)]
    return StreamHeaders(declared, found)


def _read_hvcc(data: bytes, box: Box) -> tuple[SampleFormat, int, list[bytes]]:
    """The format, the size of the lengths in front of NAL units, and the parameter sets."""
    cursor = ByteCursor(data, box)
    cursor.take(16)
    chroma, luma_bits, chroma_bits = cursor.unsigned(1) & 3, cursor.unsigned(1) & 7, cursor.unsigned(1) & 7
    cursor.take(2)
    length_size = (cursor.unsigned(1) & 3) + 1
    units = []
    for _ in range(cursor.unsigned(1)):
        cursor.take(1)
        for _ in range(cursor.unsigned(2)):
            units.append(cursor.take(cursor.unsigned(2)))
    return SampleFormat(chroma, luma_bits + 8, chroma_bits + 8), length_size, units


def _iter_units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of an item's data, each behind its length; what is left over at the end is no unit."""
    at = 0
    for _ in range(_MAX_UNITS):
        start = at + length_size
        at = start + int.from_bytes(data[at:start], "big")
        if start >= len(data):
            return
        yield data[start : min(at, len(data))]
    raise StructureInvalid(f"has an item of more than {_MAX_UNITS:,} parts")


def _is_sequence(unit: bytes) -> bool:
    return bool(unit) and unit[0] >> 1 & 63 == _SEQUENCE_PARAMETERS


def _read_sequence(unit: bytes) -> SequenceHeader:
    # Emulation prevention: a 3 after two zeros is no data. The part that is read is far shorter than 1,000 bytes.
    cursor = BitCursor(unit[2:1000].replace(b"\0\0\3", b"\0\0"))
    cursor.skip(4)
    sub_layers = cursor.bits(3)
    cursor.skip(1)
    _skip_profile(cursor, sub_layers)
    cursor.exponential_golomb()  # its number
    chroma = cursor.exponential_golomb()
    if chroma == 3:
        cursor.skip(1)  # planes that are coded one by one
    width, height = cursor.exponential_golomb(), cursor.exponential_golomb()
    if cursor.bits(1):  # a window
        for _ in range(4):
            cursor.exponential_golomb()
    luma_bits, chroma_bits = cursor.exponential_golomb() + 8, cursor.exponential_golomb() + 8
    return SequenceHeader(SampleFormat(chroma, luma_bits, chroma_bits), width, height)


def _skip_profile(cursor: BitCursor, sub_layers: int) -> None:
    cursor.skip(_GENERAL_PROFILE_BITS + 8)
    present = [(cursor.bits(1), cursor.bits(1)) for _ in range(sub_layers)]
    if sub_layers:
        cursor.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        cursor.skip(_GENERAL_PROFILE_BITS * has_profile + 8 * has_level)
