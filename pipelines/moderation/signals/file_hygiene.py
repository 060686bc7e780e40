"""Signal "file": what an upload carries beside its pixels, read from the file's bytes without trusting it.

bytes ─► anatomy: metadata, where the image ends ─► what stands behind it ─► other files inside, position, sizes
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.moderation.file_structure import Anatomy, anatomy, has_position, jpeg
from pipelines.moderation.file_structure.embedded_files import Payload, Place, payloads
from pipelines.moderation.file_structure.trailing_data import Trailer, trailers
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

VERSION = "1"
MOST_SHOWN = 20  # pieces of evidence for each score

# How sure it is that somebody put another file there on purpose. An archive that can be opened is sure anywhere.
POLYGLOT: dict[Place, float] = {"head": 1.0, "trailer": 1.0, "metadata": 0.8, "pixels": 0.6}

KNOWN_TRAILER = 0.2  # announced by the file or of a known maker
SLACK = 64  # bytes behind the end that some cameras write, and that could hold nothing
LARGE_TRAILER = 64 * 1024  # unknown bytes for a score of 1; a single one above SLACK scores .5

LARGE_METADATA = 2**20  # bytes for a score of 1, if there is nothing else in the file
SHOWN_METADATA = 64 * 1024  # parts of more bytes are evidence

# Photographs have about 4 pixels for each byte, screenshots up to 100; blank pages of a few megapixels have 1,000.
BOMB_RATIO, BOMB_PIXELS = 1_000, 50_000_000

_XMP_POSITION = re.compile(rb"GPSLatitude\s*(?:=\s*[\"']|>)\s*\d")
_VIDEO_POSITION = (b"\xa9xyz", b"loci")
_MOST_EXIF = 4  # blocks looked at for a position in one image; one is the rule


@dataclass(frozen=True)
class Hygiene:
    pool: CpuPool
    name: str = "file"
    is_of_file: Literal[True] = True

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int:
        """Next to nothing: it looks at bytes."""
        return 1

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        return await self.pool.run(examine, picture)


def examine(picture: Picture) -> SignalResult:
    """Scores `polyglot`, `trailing`, `metadata`, `gps` and `bomb`: see docs/moderation-signals.md."""
    data = picture.data
    found = anatomy(data, picture.format)
    behind = trailers(data, found)
    foreign = payloads(data, picture.format, found, behind)
    located = _positions(data, found, behind)
    bomb = _bomb(picture)
    scores = {
        "polyglot": max((_sureness(one) for one in foreign), default=0.0),
        "trailing": max((_trailing(one) for one in behind), default=0.0),
        "metadata": _metadata(found, len(data)),
        "gps": float(bool(located)),
        "bomb": bomb,
    }
    evidence = [
        *(_foreign_evidence(one) for one in foreign[:MOST_SHOWN]),
        *(_trailer_evidence(one) for one in behind if _trailing(one)),
        *islice(_metadata_evidence(found), MOST_SHOWN),
        *(Evidence(what="position", detail=what, span=(start, end)) for what, start, end in located),
    ]
    if bomb >= 0.1:
        ratio = picture.width * picture.height * picture.frames // len(data)
        evidence.append(Evidence(what="bomb", score=round(bomb, 6), detail=f"{ratio:,} pixels for each byte"))
    return SignalResult.of(scores, evidence, detector="file", version=VERSION)


def _sureness(payload: Payload) -> float:
    return 1.0 if payload.what == "ZIP archive" else POLYGLOT[payload.place]


def _trailing(trailer: Trailer) -> float:
    if trailer.is_known:
        return KNOWN_TRAILER
    size = trailer.end - trailer.start
    return 0.0 if size <= SLACK else min(1.0, 0.5 + 0.5 * size / LARGE_TRAILER)


def _metadata(found: Anatomy, size: int) -> float:
    """How large it is, times its share of the file."""
    total = sum(part.end - part.start for part in found.parts)
    return min(1.0, total / LARGE_METADATA) * total / size


def _bomb(picture: Picture) -> float:
    """Much from few bytes, and much of it. Pages of a PDF have no pixels but those that we draw."""
    if picture.format == "PDF":
        return 0.0
    pixels = picture.width * picture.height * picture.frames
    return min(1.0, pixels / len(picture.data) / BOMB_RATIO) * min(1.0, pixels / BOMB_PIXELS)


def _positions(data: bytes, found: Anatomy, behind: list[Trailer]) -> list[tuple[str, int, int]]:
    """Where a position is written, and in what."""
    further = [jpeg(data, one.start) for one in behind if data.startswith(b"\xff\xd8", one.start)]
    located = [one for image in (found, *further) for one in _positions_in(data, image)]
    if data.startswith((b"II", b"MM")) and has_position(data, 0, len(data)):
        located.append(("Exif", 0, len(data)))
    for trailer in behind:
        places = [at for mark in _VIDEO_POSITION if (at := data.find(mark, trailer.start, trailer.end)) >= 0]
        located += [("video", at, at + 4) for at in places[:1] if b"ftyp" in data[trailer.start : at]]
    return located


def _positions_in(data: bytes, image: Anatomy) -> list[tuple[str, int, int]]:
    exif = islice((part for part in image.parts if part.kind == "exif"), _MOST_EXIF)
    located = [("Exif", part.start, part.end) for part in exif if has_position(data, part.start, part.end)]
    xmp = (part for part in image.parts if part.kind == "xmp")
    found = [part for part in xmp if _XMP_POSITION.search(data, part.start, part.end)]
    return [*located, *(("XMP", part.start, part.end) for part in found[:1])]


def _foreign_evidence(payload: Payload) -> Evidence:
    place = {"head": "at the start", "trailer": "behind the image", "metadata": "in metadata", "pixels": "among pixels"}
    span = (payload.start, payload.end)
    return Evidence(what=payload.what, score=_sureness(payload), detail=place[payload.place], span=span)


def _trailer_evidence(trailer: Trailer) -> Evidence:
    detail = f"{trailer.end - trailer.start:,} bytes behind the image"
    score = round(_trailing(trailer), 6)
    return Evidence(what=trailer.what, score=score, detail=detail, span=(trailer.start, trailer.end))


def _metadata_evidence(found: Anatomy) -> Iterator[Evidence]:
    for part in found.parts:
        size = part.end - part.start
        if size > SHOWN_METADATA or part.kind == "gap":
            yield Evidence(what=f"metadata: {part.kind}", detail=f"{size:,} bytes", span=(part.start, part.end))
