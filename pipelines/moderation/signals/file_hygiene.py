"""Signal "file": finds what an upload carries beside its pixels, by reading its bytes without trusting them.

bytes ─► structure: metadata, where the image ends ─► data behind it ─► other files inside, position, sizes
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.linear_patterns import compile_bytes
from pipelines.moderation.file_structure import FileStructure, has_gps_position, read_file_structure, read_jpeg
from pipelines.moderation.file_structure.embedded_files import EmbeddedFile, FileLocation, find_embedded_files
from pipelines.moderation.file_structure.trailing_data import TrailingData, find_trailing_data
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

VERSION = "2"
MAX_SHOWN = 20  # pieces of evidence for each score

# How sure it is that somebody put another file there on purpose. An archive that can be opened is sure anywhere.
POLYGLOT_SCORES: dict[FileLocation, float] = {"head": 1.0, "trailer": 1.0, "metadata": 0.8, "pixels": 0.6}
LOCATION_NAMES: dict[FileLocation, str] = {
    "head": "at the start", "trailer": "behind the image", "metadata": "in metadata", "pixels": "among pixels",
}  # fmt: skip

KNOWN_TRAILER = 0.2  # announced by the file or of a known maker
SLACK = 64  # bytes behind the end that some cameras write, too few to hold anything
LARGE_TRAILER = 64 * 1024  # unknown bytes for a score of 1; a single one above SLACK scores .5

LARGE_METADATA = 2**20  # bytes for a score of 1, if there is nothing else in the file
SHOWN_METADATA = 64 * 1024  # blocks of more bytes are evidence

# Photographs have about 4 pixels for each byte, screenshots up to 100; blank pages of a few megapixels have 1,000.
BOMB_RATIO, BOMB_PIXELS = 1_000, 50_000_000
SHOWN_BOMB = 0.1  # the score from which on it is evidence

_XMP_POSITION = compile_bytes(rb"GPSLatitude\s*(?:=\s*[\"']|>)\s*\d")
_VIDEO_POSITION = (b"\xa9xyz", b"loci")
_MAX_EXIF_BLOCKS = 4  # that are searched for a position in one image; one is the rule

PositionSpan = tuple[str, int, int]  # the kind of block that holds a position, its start and its end


@dataclass(frozen=True)
class FileHygieneSignal:
    pool: CpuPool
    name: ClassVar[str] = "file"
    reads_file: Literal[True] = True

    @classmethod
    def score_names(cls) -> ScoreNames:
        return ("polyglot", "trailing", "metadata", "gps", "bomb")

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int:
        """The least possible: this signal reads bytes, not pixels."""
        return 1

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        return await self.pool.run(inspect_file, picture)


def inspect_file(picture: Picture) -> SignalResult:
    """Score `polyglot`, `trailing`, `metadata`, `gps` and `bomb`: see docs/moderation-signals.md."""
    data = picture.data
    structure = read_file_structure(data, picture.format)
    trailing = find_trailing_data(data, structure)
    embedded = find_embedded_files(data, picture.format, structure, trailing)
    positions = _find_positions(data, structure, trailing)
    bomb = _score_bomb(picture)
    scores = {
        "polyglot": max((_score_embedded_file(file) for file in embedded), default=0.0),
        "trailing": max((_score_trailing_data(one) for one in trailing), default=0.0),
        "metadata": _score_metadata(structure, len(data)),
        "gps": float(bool(positions)),
        "bomb": bomb,
    }
    evidence = [
        *(_describe_embedded_file(file) for file in embedded[:MAX_SHOWN]),
        *(_describe_trailing_data(one) for one in trailing if _score_trailing_data(one)),
        *islice(_describe_metadata(structure), MAX_SHOWN),
        *(Evidence(what="position", detail=kind, span=(start, end)) for kind, start, end in positions),
    ]
    if bomb >= SHOWN_BOMB:
        ratio = _count_pixels(picture) // len(data)
        evidence.append(Evidence(what="bomb", score=round(bomb, 6), detail=f"{ratio:,} pixels for each byte"))
    return SignalResult.of(scores, evidence, detector="file", version=VERSION)


def _score_embedded_file(file: EmbeddedFile) -> float:
    return 1.0 if file.kind == "ZIP archive" else POLYGLOT_SCORES[file.location]


def _score_trailing_data(trailing: TrailingData) -> float:
    if trailing.is_known:
        return KNOWN_TRAILER
    size = trailing.end - trailing.start
    return 0.0 if size <= SLACK else min(1.0, 0.5 + 0.5 * size / LARGE_TRAILER)


def _score_metadata(structure: FileStructure, size: int) -> float:
    """The size of all metadata, times its share of the file."""
    total = sum(block.end - block.start for block in structure.blocks)
    return min(1.0, total / LARGE_METADATA) * total / size


def _score_bomb(picture: Picture) -> float:
    """High for many pixels from few bytes. Pages of a PDF have no pixels but those that we draw."""
    if picture.format == "PDF":
        return 0.0
    pixels = _count_pixels(picture)
    return min(1.0, pixels / len(picture.data) / BOMB_RATIO) * min(1.0, pixels / BOMB_PIXELS)


def _count_pixels(picture: Picture) -> int:
    return picture.width * picture.height * picture.frames


def _find_positions(data: bytes, structure: FileStructure, trailing: list[TrailingData]) -> list[PositionSpan]:
    """The blocks of the image and of what stands behind it that hold a geographical position."""
    further = [read_jpeg(data, one.start) for one in trailing if data.startswith(b"\xff\xd8", one.start)]
    positions = [span for image in (structure, *further) for span in _find_positions_in(data, image)]
    if data.startswith((b"II", b"MM")) and has_gps_position(data, 0, len(data)):
        positions.append(("Exif", 0, len(data)))
    for one in trailing:
        marks = [at for mark in _VIDEO_POSITION if (at := data.find(mark, one.start, one.end)) >= 0]
        positions += [("video", at, at + 4) for at in marks[:1] if b"ftyp" in data[one.start : at]]
    return positions


def _find_positions_in(data: bytes, image: FileStructure) -> list[PositionSpan]:
    exif = islice((block for block in image.blocks if block.kind == "exif"), _MAX_EXIF_BLOCKS)
    positions = [("Exif", block.start, block.end) for block in exif if has_gps_position(data, block.start, block.end)]
    xmp = (block for block in image.blocks if block.kind == "xmp")
    with_position = [block for block in xmp if _XMP_POSITION.search(data, block.start, block.end)]
    return [*positions, *(("XMP", block.start, block.end) for block in with_position[:1])]


def _describe_embedded_file(file: EmbeddedFile) -> Evidence:
    detail = LOCATION_NAMES[file.location]
    return Evidence(what=file.kind, score=_score_embedded_file(file), detail=detail, span=(file.start, file.end))


def _describe_trailing_data(trailing: TrailingData) -> Evidence:
    detail = f"{trailing.end - trailing.start:,} bytes behind the image"
    score = round(_score_trailing_data(trailing), 6)
    return Evidence(what=trailing.kind, score=score, detail=detail, span=(trailing.start, trailing.end))


def _describe_metadata(structure: FileStructure) -> Iterator[Evidence]:
    for block in structure.blocks:
        size = block.end - block.start
        if size > SHOWN_METADATA or block.kind == "gap":
            yield Evidence(what=f"metadata: {block.kind}", detail=f"{size:,} bytes", span=(block.start, block.end))
