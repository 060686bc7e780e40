"""Bit depth, chroma and size of an AV1 picture, in its file's header and in the stream itself.

`av1C` is from the AV1 Codec ISO Media File Format Binding, 2.3; the sequence header is the AV1 specification's 5.5.
"""

from collections.abc import Iterator

from pipelines.image.heif.boxes import BitCursor, Box, ByteCursor, StructureInvalid
from pipelines.image.heif.stream_headers import SampleFormat, SequenceHeader, StreamHeaders

_SEQUENCE_HEADER = 1  # the type of an open bitstream unit (OBU)
_MAX_UNITS = 10_000
_CHROMA = {(1, 1): 1, (1, 0): 2, (0, 0): 3}  # by subsampling across and down
_IDENTITY = (1, 13, 0)  # BT.709 primaries, sRGB transfer, no matrix: such samples are RGB


def read_av1(data: bytes, box: Box, stream: bytes) -> StreamHeaders:
    """`box` is the item's `av1C`. Raises StructureInvalid."""
    cursor = ByteCursor(data, box)
    cursor.take(2)
    flags = BitCursor(cursor.take(2))
    flags.skip(1)
    high, twelve, is_grey, across, down = (flags.bits(1) for _ in range(5))
    chroma = 0 if is_grey else _CHROMA.get((across, down), -1)
    units = [*_iter_units(cursor.take(cursor.end - cursor.at)), *_iter_units(stream)]
    bits = _depth(high, twelve)
    found = [_read_sequence(payload) for kind, payload in units if kind == _SEQUENCE_HEADER]
    return StreamHeaders(SampleFormat(chroma, bits, bits), found)


def _depth(high: int, twelve: int) -> int:
    return 12 if twelve else 10 if high else 8


def _iter_units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each OBU."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= len(stream):
            return
        head = stream[at]
        at += 2 if head & 4 else 1  # an extension
        size, at = _read_leb128(stream, at) if head & 2 else (len(stream) - at, at)
        yield head >> 3 & 15, stream[at : at + size]
        at += size
    raise StructureInvalid(f"has an item of more than {_MAX_UNITS:,} parts")


def _read_leb128(stream: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, least significant first, and the offset behind it."""
    value = 0
    for place, byte in enumerate(stream[at : at + 8]):
        value |= (byte & 127) << 7 * place
        if not byte & 128:
            return value, at + place + 1
    raise StructureInvalid("has a stream whose parts have no length")


def _read_sequence(payload: bytes) -> SequenceHeader:
    cursor = BitCursor(payload[:1000])
    profile = cursor.bits(3)
    cursor.skip(1)
    is_reduced = bool(cursor.bits(1))
    if is_reduced:
        cursor.skip(5)
    else:
        _skip_operating_points(cursor)
    width_bits, height_bits = cursor.bits(4) + 1, cursor.bits(4) + 1
    width, height = cursor.bits(width_bits) + 1, cursor.bits(height_bits) + 1
    if not is_reduced and cursor.bits(1):
        cursor.skip(7)
    cursor.skip(3)
    if not is_reduced:
        _skip_tools(cursor)
    cursor.skip(3)
    return SequenceHeader(_read_colours(cursor, profile), width, height)


def _skip_operating_points(cursor: BitCursor) -> None:
    delay_bits = 0
    has_model = False
    if cursor.bits(1):  # timing
        cursor.skip(64)
        if cursor.bits(1):
            cursor.exponential_golomb()
        has_model = bool(cursor.bits(1))
        if has_model:
            delay_bits = cursor.bits(5) + 1
            cursor.skip(42)
    has_display_delay = bool(cursor.bits(1))
    for _ in range(cursor.bits(5) + 1):
        cursor.skip(12)
        if cursor.bits(5) > 7:
            cursor.skip(1)
        if has_model and cursor.bits(1):
            cursor.skip(2 * delay_bits + 1)
        if has_display_delay and cursor.bits(1):
            cursor.skip(4)


def _skip_tools(cursor: BitCursor) -> None:
    cursor.skip(4)
    has_order = bool(cursor.bits(1))
    cursor.skip(2 * has_order)
    screen_content = 2 if cursor.bits(1) else cursor.bits(1)
    if screen_content and not cursor.bits(1):
        cursor.skip(1)
    cursor.skip(3 * has_order)


def _read_colours(cursor: BitCursor, profile: int) -> SampleFormat:
    high = cursor.bits(1)
    bits = _depth(high, cursor.bits(1) if profile == 2 and high else 0)
    if profile != 1 and cursor.bits(1):
        return SampleFormat(0, bits, bits)
    colours = (cursor.bits(8), cursor.bits(8), cursor.bits(8)) if cursor.bits(1) else None
    if colours == _IDENTITY or profile == 1:
        return SampleFormat(3, bits, bits)
    cursor.skip(1)
    if profile == 0:
        return SampleFormat(1, bits, bits)
    if bits < 12:
        return SampleFormat(2, bits, bits)
    across = cursor.bits(1)
    return SampleFormat(_CHROMA[(across, cursor.bits(1) if across else 0)], bits, bits)
