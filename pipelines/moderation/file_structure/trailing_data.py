"""Finds data behind the end of an image, and names what cameras and phones put there."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.linear_patterns import compile_bytes
from pipelines.moderation.file_structure import FileStructure, read_jpeg
from pipelines.moderation.file_structure.boxes import TRAILING_BOXES, walk_boxes

MAX_TRAILERS = 16  # pieces of data one behind the other; a burst of previews has a handful
_VIDEO_BOXES = {b"ftyp", *TRAILING_BOXES}
_PADDING = compile_bytes(rb"\x00*")
# XMP that announces a picture or a video behind the image: Google's container, its older motion photos, Ultra HDR.
_ANNOUNCED = (b"GContainer", b"Container:Directory", b"MotionPhoto", b"MicroVideo", b"hdrgm")


@dataclass(frozen=True, slots=True)
class TrailingData:
    """`is_known`: the file announces it, or its structure is that of a known maker. Otherwise it may be anything."""

    kind: str
    start: int
    end: int
    is_known: bool


def find_trailing_data(data: bytes, structure: FileStructure) -> list[TrailingData]:
    """Everything up to the end of the file, in order, without padding by zeros."""
    return list(_walk_trailing_data(data, structure))


def _walk_trailing_data(data: bytes, structure: FileStructure) -> Iterator[TrailingData]:
    is_announced = _is_announced(data, structure)
    at = structure.end
    for _ in range(MAX_TRAILERS):
        at = _skip_padding(data, at)
        if at >= len(data):
            return
        trailing = _identify(data, at, is_announced)
        yield trailing
        at = trailing.end
    if at < len(data):
        yield TrailingData("unknown data", at, len(data), False)


def _identify(data: bytes, at: int, is_announced: bool) -> TrailingData:
    if (samsung := _find_samsung_start(data)) is not None and samsung <= at + 16:
        return TrailingData("data of a Samsung camera", at, len(data), True)
    if data.startswith(b"\xff\xd8\xff", at):
        kind = "a further JPEG: a preview or a gain map" if is_announced else "another JPEG"
        return TrailingData(kind, at, read_jpeg(data, at).end, is_announced)
    if data[at + 4 : at + 8] in TRAILING_BOXES:
        return TrailingData("the video of a motion photo", at, _find_boxes_end(data, at), True)
    if data[at + 4 : at + 8] == b"ftyp":
        kind = "the video of a motion photo" if is_announced else "a video or another ISO media file"
        return TrailingData(kind, at, _find_boxes_end(data, at), is_announced)
    return TrailingData("unknown data", at, len(data), False)


def _is_announced(data: bytes, structure: FileStructure) -> bool:
    return any(
        block.kind == "mpf"
        or (block.kind == "xmp" and any(data.find(one, block.start, block.end) >= 0 for one in _ANNOUNCED))
        for block in structure.blocks
    )


def _find_samsung_start(data: bytes) -> int | None:
    """The start of the blocks that Samsung's trailer lists: "SEFH", their distances from it, its size, "SEFT"."""
    if not data.endswith(b"SEFT"):
        return None
    head = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if head < 0 or data[head : head + 4] != b"SEFH":
        return None
    count = min(int.from_bytes(data[head + 8 : head + 12], "little"), 256)
    offsets = range(head + 16, min(head + 16 + 12 * count, len(data)), 12)
    return head - max((int.from_bytes(data[at : at + 4], "little") for at in offsets), default=0)


def _find_boxes_end(data: bytes, at: int) -> int:
    """The end of the last box; one that makes no sense counts as 8 bytes, so that the walk goes on."""
    return max((end for _, _, end in walk_boxes(data, at, len(data))), default=min(at + 8, len(data)))


def _skip_padding(data: bytes, at: int) -> int:
    """The first byte that is not 0, or the start of a box: the high bytes of a box's size are zeros as well."""
    padding = _PADDING.match(data, at)
    end: int = padding.end()
    for start in range(max(at, end - 3), end):
        if data[start + 4 : start + 8] in _VIDEO_BOXES:
            return start
    return end
