"""Reads the replies of decoders' processes. A process that a file has taken over may reply anything.

All functions raise KeyError, TypeError or ValueError for what no sound process replies.
"""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from PIL import Image

from pipelines.confinement.channel import ChannelMessage
from pipelines.errors import ImageRejected
from pipelines.image.decode import FrameSurvey, ImageLimits, UprightFrame
from pipelines.image.formats import FileFormat
from pipelines.image.picture_facts import ProfileUse

MAX_MESSAGE = 1_000  # characters of an error
_MAX_MODE = 16  # characters of Pillow's name for a kind of pixels
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
    return UprightFrame(image, width, height, format, mode, orientation, frames, has_alpha, facts["profile"])


def read_rendering(reply: ChannelMessage, *, longest: int, limits: ImageLimits) -> Image.Image:
    """Raises the ImageRejected that the process reports."""
    _read_facts(reply)
    height, width = reply.arrays["pixels"].shape[:2]
    _require(max(height, width) <= longest and height * width <= limits.pixels, "pixels")
    return _copy_image(reply)


def read_survey(reply: ChannelMessage, *, frames: int, most: int) -> FrameSurvey:
    """Raises the ImageRejected that the process reports."""
    facts = _read_facts(reply)
    telling, chosen, unseen = facts["telling"], facts["chosen"], facts["unseen"]
    _require(_is_number(telling) and telling < frames, "choice")
    _require(isinstance(chosen, list) and len(chosen) <= most, "choice")
    _require(all(_is_number(number) and number < frames for number in chosen), "choice")
    _require(isinstance(unseen, float) and 0 <= unseen <= 1, "difference")
    return FrameSurvey(telling, tuple(chosen), unseen)


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


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
