"""Bit depth, chroma and size of a coded picture, as its file and its stream say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """`chroma` is 0 for grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4."""

    chroma: int
    luma_bits: int
    chroma_bits: int


@dataclass(frozen=True, slots=True)
class SequenceHeader:
    """The picture that the decoder will make; `width` and `height` as they are coded, borders included."""

    format: SampleFormat
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StreamHeaders:
    """The format that a file declares of a stream, and the headers that are in the stream."""

    declared: SampleFormat
    found: list[SequenceHeader]
