"""Reads a page image: finds its lines, rotates and straightens the page, and recognises every line.

page ─► TextDetector ─► quads ─► UprightFinder ─► PageTransform ─► upright page ─► TextRecogniser ─► lines

Pipelines that read a part of what is there call the two halves, `locate` and `read_lines`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import MAX_WARP_SIDE, PageTransform
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.detector import TextDetector
from pipelines.documents.ocr.ink_coverage import count_foreign_lines
from pipelines.documents.ocr.lines import ReadLine
from pipelines.documents.ocr.orientation import OrientationDetector, measure_skew
from pipelines.documents.ocr.recogniser import TextRecogniser
from pipelines.documents.ocr.second_reader import SecondReader
from pipelines.documents.ocr.turned_lines import reread_turned
from pipelines.documents.ocr.upright import UprightFinder
from pipelines.documents.stages import PageText, Pixels
from pipelines.documents.types import PageWarning
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

FOREIGN_FACTOR = 0.5  # for the scores of words on a page whose script the alphabet does not cover


@dataclass(frozen=True, slots=True)
class LocatedText:
    """The upright page, and the outlines of its lines in it, from top to bottom."""

    pixels: Pixels = field(repr=False)
    boxes: TextQuads
    transform: PageTransform

    def with_lines(self, lines: Sequence[ReadLine]) -> PageText:
        """Those that are legible; on a page whose script the alphabet lacks, no word is more than half sure."""
        foreign = count_foreign_lines([one.coverage for one in lines])
        legible = tuple(one.line for one in lines if one.line is not None)
        if foreign > len(lines) / 2:
            legible = tuple(line.with_scores_times(FOREIGN_FACTOR) for line in legible)
        warnings: tuple[PageWarning, ...] = ("script-not-covered",) if foreign else ()
        return PageText(self.pixels, legible, self.transform.rotation, self.transform.skew, warnings)


@dataclass(frozen=True)
class OcrReader:
    """A `PageReader` with PP-OCR's models, and a `second` reader for scripts that they do not know."""

    detector: TextDetector
    orientation: OrientationDetector
    recogniser: TextRecogniser
    used: tuple[ModelUsed, ...]
    pool: CpuPool
    second: SecondReader | None = None

    @classmethod
    def of(
        cls,
        detector: Manifest,
        orientation: Manifest,
        recogniser: Manifest,
        *,
        alphabet: Sequence[str],
        used: tuple[ModelUsed, ...],
        infer: Infer,
        infer_many: Infer,
        pool: CpuPool,
        second: SecondReader | None = None,
    ) -> Self:
        """`alphabet` names the recogniser's classes: see `read_alphabet`."""
        return cls(
            TextDetector(detector, infer, pool),
            OrientationDetector(orientation, infer_many, pool),
            TextRecogniser(recogniser, alphabet, infer_many, pool),
            used,
            pool,
            second,
        )

    @property
    def upright(self) -> UprightFinder:
        return UprightFinder(self.orientation, self.recogniser)

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        """Lines come from top to bottom; a line with a wide gap in it counts as two."""
        located = await self.locate(pixels, await self.detector.find_lines(pixels, context), context)
        return located.with_lines(await self.read_lines(located, located.boxes, context))

    async def locate(self, pixels: Pixels, boxes: TextQuads, context: RunContext) -> LocatedText:
        """Make the page upright whose lines are `boxes`."""
        height, width = pixels.shape[:2]
        transform = PageTransform(width, height, await self.upright.find_rotation(pixels, boxes, context))
        if max(width, height) < MAX_WARP_SIDE:
            transform = PageTransform(width, height, transform.rotation, measure_skew(boxes.transform(transform)))
        upright, boxes = await self.pool.run(_make_upright, pixels, boxes, transform)
        boxes = await self.orientation.orient_vertical_lines(upright, boxes, context)
        return LocatedText(upright, boxes, transform)

    async def read_lines(self, located: LocatedText, boxes: TextQuads, context: RunContext) -> list[ReadLine]:
        """Read those of the located `boxes`, in their order."""
        lines = await self.recogniser.read_lines(located.pixels, boxes, context)
        lines = await reread_turned(self.recogniser, located.pixels, boxes, lines, context)
        return lines if self.second is None else await self.second.reread(located.pixels, boxes, lines, context)


def _make_upright(pixels: Pixels, boxes: TextQuads, transform: PageTransform) -> tuple[Pixels, TextQuads]:
    lines = boxes.transform(transform)
    order = np.lexsort((lines.quads[:, :, 0].min(axis=1), lines.quads[:, :, 1].mean(axis=1)))
    return transform.warp(pixels), lines[order]
