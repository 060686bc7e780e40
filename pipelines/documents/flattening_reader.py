"""Reads pages that did not lie flat, or whose pixels are no squares, as they came in and flat: the better counts."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import PageTransform
from pipelines.documents.flattening import Flattening, Points
from pipelines.documents.page_outline import find_outline
from pipelines.documents.stages import PageReader, PageText, Pixels
from pipelines.run_context import RunContext

MIN_SHARE = 0.98  # of what is read in the page as it came in that must be read in the flat one
SURE = 0.8  # mean score of a line that must not be lost
MARGIN = 0.02  # of the page's longer side, by which a line may stand outside of its outline


@dataclass(frozen=True, slots=True)
class FlatteningReader:
    reader: PageReader
    pool: CpuPool

    async def read(self, pixels: Pixels, aspect: float, context: RunContext) -> PageText:
        """The text of a page whose pixels are `aspect` times as high as wide; a photograph's are squares."""
        text = await self.reader.read(pixels, context)
        flattening = await self.pool.run(_find_flattening, pixels, aspect, text)
        if flattening is None:
            return text
        flat = await self.reader.read(await self.pool.run(flattening.warp, pixels), context)
        is_better = measure_reading(flat) > MIN_SHARE * measure_reading(text)
        return replace(flat, flattening=flattening) if is_better else text


def measure_reading(text: PageText) -> float:
    """How many characters are likely to be as printed."""
    return sum(word.score * len(word.text) for line in text.lines for word in line.words)


def _find_flattening(pixels: Pixels, aspect: float, text: PageText) -> Flattening | None:
    """That of a fax, or of a page in perspective that has all of the text."""
    if aspect != 1:
        return Flattening.of_aspect(pixels.shape[1], pixels.shape[0], aspect)
    if not text.lines:
        return None
    outline = find_outline(pixels)
    return Flattening.of_outline(outline) if outline is not None and _encloses(outline, text, pixels) else None


def _encloses(outline: Points, text: PageText, pixels: Pixels) -> bool:
    """Whether all lines that were read for sure stand in the outline."""
    transform = PageTransform.of(text, pixels.shape[1], pixels.shape[0])
    centres = [line.quad.mean(axis=0) for line in text.lines if line.score >= SURE]
    if not centres:
        return True
    margin = MARGIN * max(pixels.shape[:2])
    points = transform.to_original(np.array(centres, np.float32)).tolist()
    return all(cv2.pointPolygonTest(outline, (x, y), measureDist=True) > -margin for x, y in points)
