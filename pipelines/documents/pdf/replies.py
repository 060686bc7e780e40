"""Checks the replies of PDFium's process. A process that a file has taken over may reply anything.

What passes can be used without further care: sizes are within limits, arrays of one page have as many rows, numbers are
numbers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.confinement.channel import ChannelMessage
from pipelines.documents.pdf.page_annotations import MAX_ATTACHMENTS, MAX_FILE_NAME, unpack_annotations
from pipelines.documents.pdf.page_characters import MAX_CHARACTERS, MAX_OBJECTS

_MOST_PAGES = 2**31 - 1  # PDFium counts them in a C int
_MOST_REASON = 1_000  # characters
_FAILURES = frozenset(("locked", "corrupt", "broken", "unknown"))
_ROWS: dict[str, tuple[str, tuple[int, ...]]] = {  # of characters: dtype, and shape of a row
    "codes": ("<u4", ()),
    "boxes": ("<f4", (4,)),
    "origins": ("<f4", (2,)),
    "quarters": ("|i1", ()),
    "fonts": ("<u4", ()),
    "symbols": ("|i1", ()),
    "invisible": ("|b1", ()),
    "covered": ("|b1", ()),
    "unmapped": ("|b1", ()),
}
_BOXES = ("images", "strokes")  # of the page


def check_reply(request: ChannelMessage, reply: ChannelMessage) -> None:
    """Raises KeyError, TypeError or ValueError for what no sound process replies to `request`."""
    outcome = reply.facts["outcome"]
    if outcome != "done":
        _require(outcome in _FAILURES, "outcome")
        reason = reply.facts["reason"]
        _require(isinstance(reason, str) and len(reason) <= _MOST_REASON, "reason")
        reason.encode()  # raises where no answer could carry it
    elif request.facts["kind"] == "open":
        _require(0 <= _whole(reply.facts["pages"]) <= _MOST_PAGES, "number of pages")
        _check_attachments(reply.facts["attachments"])
        _require(isinstance(reply.facts["xfa"], bool), "kind of form")
    elif request.facts["kind"] == "size":
        _check_size(_whole(reply.facts["width"]), _whole(reply.facts["height"]), request.facts["max_pixels"])
    elif request.facts["kind"] == "pictures":
        _require(set(reply.arrays) == {"pixels"}, "list of arrays")
        _check_pixels(request.facts, reply.arrays["pixels"])
    elif request.facts["kind"] == "page":
        _check_page(request.facts, reply)


def _check_attachments(names: Any) -> None:
    _require(isinstance(names, list) and len(names) <= MAX_ATTACHMENTS, "list of attachments")
    _require(all(isinstance(name, str) and len(name) <= MAX_FILE_NAME for name in names), "name of an attachment")
    "".join(names).encode()  # raises where no answer could carry it


def _check_pixels(wanted: Mapping[str, Any], pixels: NDArray[Any]) -> None:
    _require(pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, "picture")
    _check_size(pixels.shape[1], pixels.shape[0], wanted["max_pixels"])


def _check_page(wanted: Mapping[str, Any], reply: ChannelMessage) -> None:
    _check_pixels(wanted, reply.arrays["pixels"])
    dpi = _whole(reply.facts["dpi"])
    _require(1 <= dpi <= wanted["dpi"] and isinstance(reply.facts["too_many"], bool), "resolution")
    unpack_annotations(reply.arrays["annotations"])
    _check_characters(reply.arrays)


def _check_characters(arrays: Mapping[str, NDArray[Any]]) -> None:
    _require(set(arrays) == {"pixels", "annotations", *_BOXES, *_ROWS}, "list of arrays")
    count = len(arrays["codes"])
    _require(count <= MAX_CHARACTERS, "number of characters")
    for name, (dtype, row) in _ROWS.items():
        _require(arrays[name].dtype.str == dtype and arrays[name].shape == (count, *row), name)
        if dtype == "|b1":  # numpy relies on truth values being 0 and 1, and overruns memory where they are not
            _require(int(arrays[name].view(np.uint8).max(initial=0)) <= 1, name)
    for name in _BOXES:
        boxes = arrays[name]
        _require(boxes.dtype.str == "<f4" and boxes.ndim == 2 and boxes.shape[1] == 4, name)
        _require(len(boxes) <= MAX_OBJECTS and bool(np.isfinite(boxes).all()), name)
    quarters = arrays["quarters"]
    _require(not count or (int(quarters.min()) >= 0 and int(quarters.max()) <= 3), "rotation")
    _require(bool(np.isfinite(arrays["boxes"]).all() and np.isfinite(arrays["origins"]).all()), "box")


def _check_size(width: int, height: int, most_pixels: int) -> None:
    _require(width >= 1 and height >= 1 and width * height <= most_pixels, "size")


def _whole(value: Any) -> int:
    _require(type(value) is int, "number")
    return int(value)


def _require(is_sound: bool, what: str) -> None:
    if not is_sound:
        raise ValueError(f"a reply with a {what} that cannot be")
