"""Frames of an animation or pages of a TIFF: which of them differ from the first, and from each other.

all frames ─► thumbnails over white and over black ─► the frame that differs most from those chosen, again and again

Farthest-point sampling (Gonzalez 1985): a frame that shows something new is found however short it is shown.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, WebPImagePlugin

from pipelines.errors import ImageRejected
from pipelines.image.colour_modes import has_alpha
from pipelines.image.decode import (
    DECODER_ERRORS,
    READERS,
    DecodedFrame,
    FrameSurvey,
    ImageLimits,
    OpenedImage,
    make_upright,
)
from pipelines.image.formats import sniff
from pipelines.image.safety_limits import check_opened

_SIDE, _BLOCK = 32, 4  # pixels of a thumbnail, and of the squares in which two are compared
DIFFERENT_FROM = 0.04  # of the range: noise, dithering and a blinking cursor stay below
MAX_PIXELS, MAX_SECONDS = 128_000_000, 3.0  # of all frames that are looked through
PLAIN = 0.25  # of the detail of the most detailed frame: below, the first frame tells little
KEPT_PIXELS = 8_000_000  # of a GIF: three bytes each, beside the first picture
_UNSEEN = 1.0


@dataclass(frozen=True, slots=True)
class _Look:
    """One frame's thumbnail, and the frame itself while there is room."""

    thumbnail: NDArray[np.float32]
    image: Image.Image | None


def survey_frames(data: bytes, *, limits: ImageLimits, frames: int, most: int) -> FrameSurvey:
    """Choose the frame of a file that tells most, and at most `most` of the `frames` beside it.

    That is the first frame, unless it is plain beside another: many animations begin with an empty one. Of a TIFF it is
    the first page. The file's first frame must have been decoded.
    """
    looks = list(_look_through(data, limits, frames))
    views = np.stack([one.thumbnail for one in looks])
    telling = 0 if sniff(data) == "TIFF" else _find_telling(views)
    chosen, distances = list[int](), _compare(views, views[telling])
    while len(chosen) < most and distances.max() > DIFFERENT_FROM:
        chosen.append(int(distances.argmax()))
        distances = np.minimum(distances, _compare(views, views[chosen[-1]]))
    unseen = _UNSEEN if len(views) < frames else round(float(distances.max()), 4)
    needed = {telling, *chosen} - {0}  # the first one has been decoded
    kept = {number: _make_gif_frame(image, frames) for number in needed if (image := looks[number].image) is not None}
    return FrameSurvey(telling, tuple(chosen), unseen, kept)


def _find_telling(views: NDArray[np.float32]) -> int:
    detail = views.std(axis=2).mean(axis=(1, 2))
    best = int(detail.argmax())
    return best if detail[0] < PLAIN * detail[best] else 0


def _look_through(data: bytes, limits: ImageLimits, frames: int) -> Iterator[_Look]:
    """One frame after the other, as far as these can be decoded within the limits; always the first.

    A frame of a GIF is drawn over all those before it: decoding a few again would take longer than all at once.
    """
    end, pixels, is_gif = monotonic() + MAX_SECONDS, 0, sniff(data) == "GIF"
    with _open(data) as image:
        for number in range(frames):
            try:
                if number:
                    image.seek(number)
                    check_opened(image, pixels=limits.pixels)
                image.load()
            except (*DECODER_ERRORS, ImageRejected):
                return
            pixels += image.width * image.height
            yield _Look(_shrink(image), image.copy() if is_gif and pixels <= KEPT_PIXELS else None)
            if pixels > MAX_PIXELS or monotonic() > end:
                return


def _make_gif_frame(image: Image.Image, frames: int) -> DecodedFrame:
    return make_upright(OpenedImage(image, image.width, image.height, "GIF", image.mode, 1, frames)).lay_out()


def _open(data: bytes) -> ImageFile.ImageFile:
    format = sniff(data)
    assert format in READERS  # its first frame has been decoded
    # Our own reader of WebP frees what it needs for further frames.
    return WebPImagePlugin.WebPImageFile(io.BytesIO(data)) if format == "WEBP" else READERS[format](io.BytesIO(data))


def _shrink(image: Image.Image) -> NDArray[np.float32]:
    """(2, blocks, 3): mean colours of the picture's squares, 0-1, over white and over black."""
    plain = image if image.mode == "RGB" else image.convert("RGBA" if has_alpha(image) else "RGB")
    small = plain.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    values = np.asarray(small.convert("RGBA"), np.float32) / 255
    colour, alpha = values[..., :3] * values[..., 3:], values[..., 3:]
    both = np.stack([colour + 1 - alpha, colour])
    count = _SIDE // _BLOCK
    squares = both.reshape(2, count, _BLOCK, count, _BLOCK, 3).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(2, count * count, -1).astype(np.float32, copy=False)


def _compare(views: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) differences, 0-1: that of the square in which two frames differ most."""
    differences: NDArray[np.float32] = np.abs(views - one).mean(axis=-1).max(axis=(1, 2))
    return differences
