"""Reads a page image: finds its lines, rotates and straightens the page, and recognises every line.

page ─► TextDetector ─► quads ─► OrientationDetector ─► PageTransform ─► upright page ─► TextRecogniser ─► lines
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import MAX_WARP_SIDE, PageTransform
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.detector import TextDetector
from pipelines.documents.ocr.orientation import OrientationDetector, measure_skew
from pipelines.documents.ocr.recogniser import TextRecogniser
from pipelines.documents.stages import PageText, Pixels
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True)
class OcrReader:
    """A `PageReader` with PP-OCR's models."""

    detector: TextDetector
    orientation: OrientationDetector
    recogniser: TextRecogniser
    used: tuple[ModelUsed, ...]
    pool: CpuPool

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
    ) -> Self:
        """`alphabet` names the recogniser's classes: see `read_alphabet`."""
        return cls(
            TextDetector(detector, infer, pool),
            OrientationDetector(orientation, infer_many, pool),
            TextRecogniser(recogniser, alphabet, infer_many, pool),
            used,
            pool,
        )

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        """Lines come from top to bottom; a line with a wide gap in it counts as two."""
        height, width = pixels.shape[:2]
        boxes = await self.detector.find_lines(pixels, context)
        transform = PageTransform(width, height, await self.orientation.find_rotation(pixels, boxes, context))
        if max(width, height) < MAX_WARP_SIDE:
            transform = PageTransform(width, height, transform.rotation, measure_skew(boxes.transform(transform)))
        upright, boxes = await self.pool.run(_make_upright, pixels, boxes, transform)
        boxes = await self.orientation.orient_vertical_lines(upright, boxes, context)
        lines = await self.recogniser.read_lines(upright, boxes, context)
        return PageText(upright, tuple(lines), transform.rotation, transform.skew)


def _make_upright(pixels: Pixels, boxes: TextQuads, transform: PageTransform) -> tuple[Pixels, TextQuads]:
    lines = boxes.transform(transform)
    order = np.lexsort((lines.quads[:, :, 0].min(axis=1), lines.quads[:, :, 1].mean(axis=1)))
    return transform.warp(pixels), lines[order]
