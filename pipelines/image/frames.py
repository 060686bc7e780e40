"""Looks through the frames of an animation or the pages of a TIFF, and chooses those to judge.

all frames ─┬► thumbnails, durations ─► the frame that tells most, and those to judge beside it (`frame_choice.py`)
            └► PDQ's frequencies, QR codes ─► what signals look up for every frame: see `moderation/frames.py`
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, WebPImagePlugin

from pipelines.errors import ImageRejected, ImageTooLarge
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
from pipelines.image.formats import FileFormat, sniff
from pipelines.image.frame_choice import choose_frames, find_telling, split_into_squares
from pipelines.image.frame_codes import read_payloads
from pipelines.image.frame_views import MAX_CODES, THUMBNAIL_SIDE, FrameViews, SeenCode, SurveyPlan, UnreadReason
from pipelines.image.gif import QuickGifFile
from pipelines.image.safety_limits import check_opened
from pipelines.moderation.hashes.pdq import (
    LOW,
    MAX_SIDE,
    MIN_SIDE,
    SIDE,
    compute_frequencies,
    measure_quality,
    reduce_fast,
)

KEPT_PIXELS = 8_000_000  # of a GIF: three bytes each, beside the first picture
_CODE_SIDE = 320  # pixels of the longer side in which codes are looked for
_WHITE = 255
# Browsers show a frame of less than the first for the second; more than the third is no duration.
_SHORTEST_SECONDS, _USUAL_SECONDS, _LONGEST_SECONDS = 0.011, 0.1, 1e6

# Our own reader of WebP frees what it needs for further frames.
_FRAME_READERS: dict[FileFormat, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "GIF": QuickGifFile, "WEBP": WebPImagePlugin.WebPImageFile
}  # fmt: skip

Grey = NDArray[np.uint8]  # (h, w)


@dataclass(slots=True)
class _Look:
    """One frame; `image` is kept while there is room."""

    thumbnail: NDArray[np.uint8]
    seconds: float | None
    reduced: NDArray[np.float32] | None = None
    payloads: tuple[str, ...] = ()
    image: Image.Image | None = None


def survey_frames(data: bytes, *, limits: ImageLimits, plan: SurveyPlan, frames: int, most: int) -> FrameSurvey:
    """Look through a file of `frames`, and choose at most `most` to judge beside the one that tells most.

    The file's first frame must have been decoded.
    """
    looks, stopped = _look_through(data, limits, plan, frames, is_judged=most > 0)
    survey = survey_views(_gather_views(looks, stopped), sniff(data), most)
    needed = {survey.telling, *survey.choice.chosen} - {0}  # the first one has been decoded
    kept = {number: _make_gif_frame(image, frames) for number in needed if (image := looks[number].image) is not None}
    return FrameSurvey(survey.telling, survey.views, survey.choice, kept)


def view_frames(data: bytes, *, limits: ImageLimits, plan: SurveyPlan, frames: int, is_judged: bool) -> FrameViews:
    """As `survey_frames`, without a choice; codes and hashes only where frames are judged."""
    return _gather_views(*_look_through(data, limits, plan, frames, is_judged=is_judged))


def survey_views(views: FrameViews, format: FileFormat | None, most: int) -> FrameSurvey:
    """The frame that tells most, which of a TIFF is the first page, and the choice beside it."""
    squares = split_into_squares(views.thumbnails)
    telling = 0 if format == "TIFF" else find_telling(squares)
    return FrameSurvey(telling, views, choose_frames(views, squares, telling, most=most))


def _look_through(
    data: bytes, limits: ImageLimits, plan: SurveyPlan, frames: int, *, is_judged: bool
) -> tuple[list[_Look], UnreadReason | None]:
    """One frame after the other, always the first, and why not all.

    A frame of a GIF is drawn over all those before it: decoding a few again would take longer than all at once.
    """
    looks: list[_Look] = []
    end, pixels = monotonic() + plan.seconds, 0
    with _open(data) as image:
        for number in range(frames):
            if pixels > plan.pixels:
                return looks, "too many pixels"
            if number and monotonic() > end:
                return looks, "too slow"
            try:
                if number:
                    image.seek(number)
                    check_opened(image, pixels=limits.pixels)
                image.load()
                pixels += image.width * image.height
                looks.append(_look_at(image, number, plan, is_judged=is_judged))
            except ImageTooLarge:
                return looks, "too large"
            except (*DECODER_ERRORS, ImageRejected):
                return looks, "damaged"
            if isinstance(image, QuickGifFile) and pixels <= KEPT_PIXELS:
                looks[-1].image = image.share_frame()
    return looks, None


def _look_at(image: ImageFile.ImageFile, number: int, plan: SurveyPlan, *, is_judged: bool) -> _Look:
    plain = image if image.mode == "RGB" else image.convert("RGBA" if has_alpha(image) else "RGB")
    factor = -(-max(plain.size) // _CODE_SIDE)
    small = plain if factor == 1 else plain.reduce(factor)
    thumbnail = small.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    look = _Look(np.asarray(thumbnail.convert("RGBA")), _find_seconds(image, number))
    if is_judged:
        payloads = dict.fromkeys(payload for grey in _list_greys(small) for payload in read_payloads(grey))
        look.payloads = tuple(payloads)[:MAX_CODES]
        look.reduced = _reduce(plain) if plan.is_hashed and min(plain.size) >= MIN_SIDE else None
    return look


def _find_seconds(image: ImageFile.ImageFile, number: int) -> float | None:
    """For which the frame is shown. The type is checked because a PNG's text keys share `info` with durations."""
    if number == 0 and getattr(image, "default_image", False):
        return 0.0  # the picture of a PNG that programs show which know no animations
    duration = image.info.get("duration")
    if not isinstance(duration, int | float):
        return None
    seconds = float(duration) / 1000
    return seconds if _SHORTEST_SECONDS <= seconds < _LONGEST_SECONDS else _USUAL_SECONDS


def _list_greys(plain: Image.Image) -> list[Grey]:
    """The picture over white, and over black where something is transparent."""
    grey = np.asarray(plain.convert("L"))
    if plain.mode == "RGB":
        return [grey]
    alpha = np.asarray(plain.getchannel("A"))
    if alpha.min() == _WHITE:
        return [grey]
    ink = (grey * (alpha / np.float32(_WHITE))).astype(np.uint8)
    return [ink + (_WHITE - alpha), ink]


def _reduce(plain: Image.Image) -> NDArray[np.float32]:
    grey: cv2.typing.MatLike = _list_greys(plain)[0]
    if max(plain.size) > MAX_SIDE:
        grey = cv2.resize(grey, (MAX_SIDE, MAX_SIDE), interpolation=cv2.INTER_AREA)
    return reduce_fast(np.asarray(grey, np.uint8))


def _gather_views(looks: list[_Look], stopped: UnreadReason | None) -> FrameViews:
    nothing = np.zeros((SIDE, SIDE), np.float32)
    is_hashed = any(look.reduced is not None for look in looks)
    reduced = [nothing if look.reduced is None else look.reduced for look in looks] if is_hashed else []
    has_durations = any(look.seconds is not None for look in looks)
    return FrameViews(
        np.stack([look.thumbnail for look in looks]),
        compute_frequencies(np.stack(reduced)) if reduced else np.zeros((0, LOW, LOW), np.float32),
        np.array([measure_quality(one) for one in reduced], np.uint8),
        np.array([_USUAL_SECONDS if look.seconds is None else look.seconds for look in looks], np.float32)
        if has_durations
        else np.zeros(0, np.float32),
        tuple(SeenCode(number, payload) for number, look in enumerate(looks) for payload in look.payloads),
        stopped,
    )


def _make_gif_frame(image: Image.Image, frames: int) -> DecodedFrame:
    return make_upright(OpenedImage(image, image.width, image.height, "GIF", image.mode, 1, frames)).lay_out()


def _open(data: bytes) -> ImageFile.ImageFile:
    format = sniff(data)
    assert format in READERS  # its first frame has been decoded
    return _FRAME_READERS.get(format, READERS[format])(io.BytesIO(data))
