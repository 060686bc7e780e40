"""What stands behind an image's own end: what cameras and phones put there, by name, and what nobody knows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.moderation.file_structure import Anatomy, jpeg
from pipelines.moderation.file_structure.boxes import TRAILERS, boxes

MOST = 16  # trailers one behind the other; a burst of previews has a handful
_VIDEO_BOXES = {b"ftyp", *TRAILERS}
_PADDING = re.compile(rb"\0*")
# XMP that says that a picture or a video follows: Google's container, its older motion photos, Ultra HDR.
_ANNOUNCED = (b"GContainer", b"Container:Directory", b"MotionPhoto", b"MicroVideo", b"hdrgm")


@dataclass(frozen=True, slots=True)
class Trailer:
    """`is_known`: the file itself announces it, or its structure is that of a maker. Otherwise it may be anything."""

    what: str
    start: int
    end: int
    is_known: bool


def trailers(data: bytes, found: Anatomy) -> list[Trailer]:
    """In order, up to the end of the file, padding with zeros left out."""
    return list(_trailers(data, found))


def _trailers(data: bytes, found: Anatomy) -> Iterator[Trailer]:
    is_announced = _is_announced(data, found)
    at = found.end
    for _ in range(MOST):
        at = _behind_padding(data, at)
        if at >= len(data):
            return
        trailer = _trailer(data, at, is_announced)
        yield trailer
        at = trailer.end
    if at < len(data):
        yield Trailer("unknown data", at, len(data), False)


def _trailer(data: bytes, at: int, is_announced: bool) -> Trailer:
    if (samsung := _samsung_start(data)) is not None and samsung <= at + 16:
        return Trailer("data of a Samsung camera", at, len(data), True)
    if data.startswith(b"\xff\xd8\xff", at):
        what = "a further JPEG: a preview or a gain map" if is_announced else "another JPEG"
        return Trailer(what, at, jpeg(data, at).end, is_announced)
    if data[at + 4 : at + 8] in TRAILERS:
        return Trailer("the video of a motion photo", at, _boxes_end(data, at), True)
    if data[at + 4 : at + 8] == b"ftyp":
        what = "the video of a motion photo" if is_announced else "a video or another ISO media file"
        return Trailer(what, at, _boxes_end(data, at), is_announced)
    return Trailer("unknown data", at, len(data), False)


def _is_announced(data: bytes, found: Anatomy) -> bool:
    return any(
        part.kind == "mpf"
        or (part.kind == "xmp" and any(data.find(one, part.start, part.end) >= 0 for one in _ANNOUNCED))
        for part in found.parts
    )


def _samsung_start(data: bytes) -> int | None:
    """Where the blocks begin that Samsung's trailer lists: "SEFH", their distances from it, its size, "SEFT"."""
    if not data.endswith(b"SEFT"):
        return None
    head = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if head < 0 or data[head : head + 4] != b"SEFH":
        return None
    count = min(int.from_bytes(data[head + 8 : head + 12], "little"), 256)
    places = range(head + 16, min(head + 16 + 12 * count, len(data)), 12)
    return head - max((int.from_bytes(data[at : at + 4], "little") for at in places), default=0)


def _boxes_end(data: bytes, at: int) -> int:
    """Where the last box ends; one that makes no sense is 8 bytes long, so that the walk goes on."""
    return max((end for _, _, end in boxes(data, at, len(data))), default=min(at + 8, len(data)))


def _behind_padding(data: bytes, at: int) -> int:
    """The first byte that is not 0, or the box that begins with zeros of its own: the high bytes of its size."""
    found = _PADDING.match(data, at)
    assert found
    for start in range(max(at, found.end() - 3), found.end()):
        if data[start + 4 : start + 8] in _VIDEO_BOXES:
            return start
    return found.end()
