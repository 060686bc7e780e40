"""Reads the replies of decoders' processes. A process that a file has taken over may reply anything.

All functions raise KeyError, TypeError or ValueError for what no sound process replies.
"""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.confinement.channel import ChannelMessage
from pipelines.errors import ImageRejected
from pipelines.image.decode import FrameFacts, ImageLimits, UprightFrame
from pipelines.image.formats import FileFormat
from pipelines.image.frame_views import FREQUENCIES, MAX_CODES, THUMBNAIL_SIDE, FrameViews, SeenCode, UnreadReason
from pipelines.image.picture_facts import ProfileUse

MAX_MESSAGE = 1_000  # characters of an error
_MAX_MODE = 16  # characters of Pillow's name for a kind of pixels
_MAX_SECONDS = 1e6  # for which a frame is shown
VIEW_ARRAYS = ("thumbnails", "frequencies", "qualities", "durations")
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def read_frame(reply: ChannelMessage, *, format: FileFormat, limits: ImageLimits) -> UprightFrame:
    """Raises the ImageRejected that the process reports."""
    facts = _read_facts(reply)
    width, height, orientation = (_whole(facts[name]) for name in ("width", "height", "orientation"))
    frames, mode, has_alpha = _whole(facts["frames"]), facts["mode"], facts["has_alpha"]
    _require(facts["format"] == format, "format")
    _require(isinstance(mode, str) and mode.isascii() and mode.isprintable() and len(mode) <= _MAX_MODE, "mode")
    _require(isinstance(has_alpha, bool), "transparency")
    most = max(limits.pixels, limits.header_pixels) if format == "JPEG" else limits.pixels
    _require(orientation <= 8 and frames <= limits.frames and width * height <= most, "size")
    _require(facts["profile"] in get_args(ProfileUse), "profile")
    image = _copy_image(reply)
    _require(image.width <= width and image.height <= height, "pixels")
    _require(image.width * image.height <= limits.pixels, "pixels")
    return UprightFrame(
        image, FrameFacts(width, height, format, mode, orientation, frames, has_alpha, facts["profile"])
    )


def read_rendering(reply: ChannelMessage, *, longest: int, limits: ImageLimits) -> Image.Image:
    """Raises the ImageRejected that the process reports."""
    _read_facts(reply)
    height, width = reply.arrays["pixels"].shape[:2]
    _require(max(height, width) <= longest and height * width <= limits.pixels, "pixels")
    return _copy_image(reply)


def read_views(reply: ChannelMessage, *, frames: int) -> FrameViews:
    """Raises the ImageRejected that the process reports."""
    facts, arrays = _read_facts(reply), {name: np.array(one) for name, one in reply.arrays.items()}
    thumbnails, frequencies, qualities, durations = (arrays[name] for name in VIEW_ARRAYS)
    count = len(thumbnails)
    _require(1 <= count <= frames and thumbnails.dtype == np.uint8, "thumbnail")
    _require(thumbnails.shape == (count, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4), "thumbnail")
    _require(qualities.dtype == np.uint8 and qualities.shape in ((0,), (count,)), "quality")
    _require(
        frequencies.dtype == np.float32 and frequencies.shape == (len(qualities), FREQUENCIES, FREQUENCIES), "hash"
    )
    _require(durations.dtype == np.float32 and durations.shape in ((0,), (count,)), "duration")
    _require(bool(np.isfinite(frequencies).all() and (np.abs(durations) <= _MAX_SECONDS).all()), "number")
    _require(bool((durations >= 0).all()), "duration")
    stopped = facts["stopped"]
    _require((stopped is None) == (count == frames) and stopped in (None, *get_args(UnreadReason)), "reason")
    return FrameViews(thumbnails, frequencies, qualities, durations, _read_codes(arrays, count), stopped)


def write_views(views: FrameViews) -> ChannelMessage:
    """The message that `read_views` reads: payloads as bytes, because facts are short."""
    payloads = [code.payload.encode() for code in views.codes]
    codes = {
        "code_frames": np.array([code.frame for code in views.codes], np.uint32),
        "code_ends": np.cumsum([len(one) for one in payloads], dtype=np.uint32),
        "code_bytes": np.frombuffer(b"".join(payloads), np.uint8),
    }
    return ChannelMessage({"stopped": views.stopped}, {name: getattr(views, name) for name in VIEW_ARRAYS} | codes)


def _read_codes(arrays: Mapping[str, NDArray[Any]], count: int) -> tuple[SeenCode, ...]:
    numbers, ends, text = arrays["code_frames"], arrays["code_ends"], arrays["code_bytes"]
    _require(numbers.dtype == ends.dtype == np.uint32 and text.dtype == np.uint8, "code")
    _require(numbers.ndim == text.ndim == 1 and numbers.shape == ends.shape, "code")
    _require(len(numbers) <= count * MAX_CODES and bool((numbers < count).all()), "code")
    _require(bool((np.diff(ends.astype(np.int64), prepend=0) >= 0).all()), "code")
    whole, starts = text.tobytes(), [0, *ends.tolist()]
    _require(starts[-1] == len(whole), "code")
    return tuple(
        SeenCode(number, whole[start:end].decode())
        for number, start, end in zip(numbers.tolist(), starts, starts[1:], strict=False)
    )


def _read_facts(reply: ChannelMessage) -> Mapping[str, Any]:
    if "error" in reply.facts:
        raise _rejection(reply.facts)
    return reply.facts


def _rejection(facts: Mapping[str, Any]) -> ImageRejected:
    """Classes differ in what they are made of, so it is made of its message."""
    kind = {one.code: one for one in _subclasses(ImageRejected)}[facts["error"]]
    _require(isinstance(facts["message"], str) and len(facts["message"]) <= MAX_MESSAGE, "message")
    facts["message"].encode()  # raises where no answer could carry it
    return kind.__new__(kind, facts["message"])


def _subclasses(kind: type[ImageRejected]) -> list[type[ImageRejected]]:
    return [kind, *(lower for one in kind.__subclasses__() for lower in _subclasses(one))]


def _copy_image(reply: ChannelMessage) -> Image.Image:
    """Out of memory that the process may write to; `Image.fromarray` would share it for some modes."""
    pixels = reply.arrays["pixels"]
    height, width, *bands = pixels.shape
    _require(pixels.dtype == np.uint8 and height > 0 and width > 0 and len(bands) <= 1, "pixels")
    return Image.frombytes(_MODES[bands[0] if bands else 1], (width, height), pixels)


def _whole(value: Any) -> int:
    """A whole number from 1 on."""
    _require(type(value) is int and value >= 1, "number")
    return int(value)


def _require(is_sound: bool, what: str) -> None:
    if not is_sound:
        raise ValueError(f"a reply with a {what} that cannot be")
