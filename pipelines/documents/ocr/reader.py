"""Reads a page image: finds its lines, turns it upright, straightens it, and recognises every line.

page ─► Detector ─► boxes ─► Orientation ─► Turn ─► upright page, boxes on it ─► Recogniser ─► lines
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import LONGEST, Turn
from pipelines.documents.ocr.db_postprocess import Boxes
from pipelines.documents.ocr.detector import Detector
from pipelines.documents.ocr.orientation import Orientation, skew_of
from pipelines.documents.ocr.recogniser import Recogniser
from pipelines.documents.stages import PageText, Pixels
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True)
class OcrReader:
    detector: Detector
    orientation: Orientation
    recogniser: Recogniser
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
        """`alphabet` is that of the recogniser's classes: see `recogniser.alphabet`."""
        return cls(
            Detector(detector, infer, pool),
            Orientation(orientation, infer_many, pool),
            Recogniser(recogniser, alphabet, infer_many, pool),
            used,
            pool,
        )

    @property
    def models(self) -> list[ModelUsed]:
        return list(self.used)

    async def read(self, pixels: Pixels, context: RunContext) -> PageText:
        """Lines come from top to bottom; what reads as one with a gap in it is two lines."""
        height, width = pixels.shape[:2]
        boxes = await self.detector.find(pixels, context)
        turn = Turn(width, height, await self.orientation.rotation(pixels, boxes, context))
        if max(width, height) < LONGEST:
            turn = Turn(width, height, turn.rotation, skew_of(boxes.moved(turn)))
        upright, boxes = await self.pool.run(_upright, pixels, boxes, turn)
        boxes = await self.orientation.righted(upright, boxes, context)
        lines = await self.recogniser.read(upright, boxes, context)
        return PageText(upright, tuple(lines), turn.rotation, turn.skew)


def _upright(pixels: Pixels, boxes: Boxes, turn: Turn) -> tuple[Pixels, Boxes]:
    moved = boxes.moved(turn)
    order = np.lexsort((moved.quads[:, :, 0].min(axis=1), moved.quads[:, :, 1].mean(axis=1)))
    return turn.apply(pixels), moved[order]
