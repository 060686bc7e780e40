"""Pillow's reader of TIFF, with what it gets wrong or refuses of deep pixels.

Pillow 13 takes compressed values of other byte orders for its own, unsigned for signed and the other way round, white
for black, and two bytes of a colour plane for two pixels: noise and negatives that look like pictures. It refuses
doubles, and unsigned integers of 32 bits in files that begin with MM.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from PIL import ImageFile, TiffImagePlugin

from pipelines.errors import ImageUnsupported

_BITS, _PHOTOMETRIC, _SAMPLES, _SAMPLE_FORMAT = 258, 262, 277, 339
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_NAMES = {_UNSIGNED: "unsigned integers", _SIGNED: "signed integers", _FLOAT: "floating-point numbers"}
_GREY = (0, 1)  # photometric interpretations; white is 0 in the first


class SampleKind(NamedTuple):
    """The format and the number of bits of the values of all channels; None where they differ."""

    format: int | None
    bits: int | None


# Grey by its sample format and bits: Pillow's mode and raw mode, with the order of bytes in place of the braces.
DEEP_KINDS: Mapping[tuple[int | None, int | None], tuple[str, str]] = {
    (_SIGNED, 8): ("I", "I;8S"),
    (_SIGNED, 16): ("I", "I;16{}S"),
    (_SIGNED, 32): ("I", "I;32{}S"),
    (_UNSIGNED, 32): ("I", "I;32{}S"),
    (_FLOAT, 32): ("F", "F;32{}F"),
    (_FLOAT, 64): ("F", "F;64{}F"),
}


class TiffFile(TiffImagePlugin.TiffImageFile):
    """`is_unsigned` tells that values of mode I are those of unsigned integers, `is_negative` that the least is white.

    It leaves tags of deep pixels as Pillow would know them.
    """

    is_unsigned = is_negative = False

    def _setup(self) -> None:
        """Called for each directory before its pixels are read. Raises ImageUnsupported and what Pillow's does."""
        tags = self.tag_v2
        kind = read_sample_kind(tags)
        is_grey = tags.get(_PHOTOMETRIC) in _GREY and tags.get(_SAMPLES, 1) == 1
        is_deep = is_grey and kind in DEEP_KINDS
        self.is_unsigned = is_deep and kind == (_UNSIGNED, 32)
        self.is_negative = is_grey and tags.get(_PHOTOMETRIC) == 0 and (is_deep or kind == (_UNSIGNED, 16))
        if is_deep:
            tags[_PHOTOMETRIC], tags[_BITS], tags[_SAMPLE_FORMAT] = 1, (32,), (_FLOAT,)  # what Pillow knows
        try:
            super()._setup()
        except SyntaxError as cause:
            if str(cause) != "unknown pixel mode":
                raise
            raise ImageUnsupported(f"this TIFF has {_describe(tags)}, which are not read here") from cause
        if is_deep:
            self._read_as(*DEEP_KINDS[kind], kind.bits or 0)
        elif _only(tags.get(_BITS, 1)) == 16:
            self._name_planes()

    def _read_as(self, mode: str, rawmode: str, bits: int) -> None:
        self._mode = mode
        order = "N" if self.use_load_libtiff else "B" if self._is_big_endian else ""
        self.tile = [
            _replace(tile, rawmode.format(order), tile.args[1] * bits // 32)  # the second is a stride in bytes, or none
            for tile in self.tile
            if isinstance(tile.args, tuple)
        ]

    def _name_planes(self) -> None:
        self.tile = [
            _replace(tile, tile.args[0] + (";16B" if self._is_big_endian else ";16L"), tile.args[1])
            if isinstance(tile.args, tuple) and tile.args[0] in tuple("RGBA")
            else tile
            for tile in self.tile
        ]

    @property
    def _is_big_endian(self) -> bool:
        return bool(self.tag_v2.prefix == b"MM")


def read_sample_kind(tags: TiffImagePlugin.ImageFileDirectory_v2) -> SampleKind:
    return SampleKind(_only(tags.get(_SAMPLE_FORMAT, 1)), _only(tags.get(_BITS, 1)))


def _describe(tags: TiffImagePlugin.ImageFileDirectory_v2) -> str:
    format = _NAMES.get(_only(tags.get(_SAMPLE_FORMAT, 1)), "values")
    channels, bits = tags.get(_SAMPLES, 1), _only(tags.get(_BITS, 1))
    return f"pixels of {channels} {format} of {bits or 'several numbers of'} bits"


def _only(values: Any) -> Any:
    """The value of all channels; None where they differ."""
    several = values if isinstance(values, tuple) else (values,)
    return several[0] if len(set(several)) == 1 else None


def _replace(tile: ImageFile._Tile, rawmode: str, stride: int) -> ImageFile._Tile:
    assert isinstance(tile.args, tuple)
    return tile._replace(args=(rawmode, stride, *tile.args[2:]))
