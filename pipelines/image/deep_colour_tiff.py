"""Reads TIFFs with deep colours: floating-point numbers, signed integers, and integers of 32 bits.

Pillow and its libtiff unpack such values for grey alone. So the strips or tiles are read once more as those of a grey
picture that is three times as wide, each row of which has the three channels in turn. What makes deep grey visible then
scales all three alike.
"""

import io
import struct
from collections.abc import Mapping
from typing import Any

from PIL import Image, TiffImagePlugin

from pipelines.image.deep_grey import deep_to_grey
from pipelines.image.tiff import DEEP_KINDS, SampleKind, TiffFile, read_sample_kind

CHANNELS = 3
_WIDTH, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _SAMPLE_FORMAT = (
    256, 258, 262, 277, 284, 317, 322, 339,
)  # fmt: skip
_RGB, _CONTIGUOUS, _GREY, _LONG = 2, 1, 1, 4
# Height, compression, order of bits, strips, tiles: the same in both pictures.
_KEPT = (257, 259, 266, 273, 278, 279, 323, 324, 325)


class DeepColourTiffFile(TiffFile):
    """A `TiffFile`, which deep colours are 8 bits of RGB in once they are loaded."""

    deep_kind: SampleKind | None = None

    def _setup(self) -> None:
        tags = self.tag_v2
        kind = read_sample_kind(tags)
        self.deep_kind = kind if kind in DEEP_KINDS and _is_plain(tags) else None
        if self.deep_kind is not None:
            tags[_BITS], tags[_SAMPLE_FORMAT] = (8,) * CHANNELS, (1,) * CHANNELS  # what Pillow knows
        super()._setup()

    def load(self) -> Any:
        if self.tile and self.deep_kind is not None:
            self._fp.seek(0)
            grey = _load_grey(_view_as_grey(self._fp.read(), self.tag_v2, self.deep_kind))
            self.im, self.tile = Image.frombytes("RGB", self.size, grey.tobytes()).im, []
        return super().load()


def _load_grey(data: bytes) -> Image.Image:
    """By itself, so that the deep pixels are gone before others are made of these."""
    with TiffFile(io.BytesIO(data)) as deep:
        deep.load()
        return deep_to_grey(deep)


def _is_plain(tags: Mapping[int, Any]) -> bool:
    """Whether it is RGB, channel after channel, without differences between neighbours, which go by channels."""
    expected = {_PHOTOMETRIC: _RGB, _SAMPLES: CHANNELS, _PLANAR: _CONTIGUOUS, _PREDICTOR: 1}
    return all(tags.get(tag, 1) == value for tag, value in expected.items())


def _view_as_grey(data: bytes, tags: TiffImagePlugin.ImageFileDirectory_v2, kind: SampleKind) -> bytes:
    """The file with another directory at its end, which the header leads to."""
    changed = {
        _WIDTH: tags[_WIDTH] * CHANNELS, _BITS: kind.bits, _PHOTOMETRIC: _GREY, _SAMPLES: 1,
        _SAMPLE_FORMAT: kind.format,
    }  # fmt: skip
    if _TILE_WIDTH in tags:
        changed[_TILE_WIDTH] = tags[_TILE_WIDTH] * CHANNELS
    order, start = "<" if tags.prefix == b"II" else ">", len(data) + len(data) % 2
    header = tags.prefix + struct.pack(order + "HI", 42, start)
    directory = _write_directory({tag: tags[tag] for tag in _KEPT if tag in tags} | changed, start, order)
    return b"".join((header, data[len(header) :], bytes(start - len(data)), directory))


def _write_directory(tags: Mapping[int, Any], start: int, order: str) -> bytes:
    """A directory at `start` of whole numbers of 32 bits, and behind it the values of tags that have several."""
    entries, values = [struct.pack(order + "H", len(tags))], b""
    end = start + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        several = value if isinstance(value, tuple) else (value,)
        place = several[0] if len(several) == 1 else end + len(values)
        entries.append(struct.pack(order + "HHII", tag, _LONG, len(several), place))
        values += struct.pack(f"{order}{len(several)}I", *several) if len(several) > 1 else b""
    return b"".join((*entries, bytes(4), values))
