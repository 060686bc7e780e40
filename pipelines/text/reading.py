"""Reads areas of a picture within a budget of lines and seconds, by the reader of documents."""

from dataclasses import dataclass, field
from time import monotonic
from typing import cast

import cv2
import numpy as np

from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import CoordinateMapper
from pipelines.documents.ocr.lines import ReadLine
from pipelines.documents.ocr.reader import LocatedText, OcrReader
from pipelines.documents.stages import PageText, Pixels
from pipelines.documents.structure.assemble import assemble_regions
from pipelines.documents.structure.ink import Grey
from pipelines.documents.types import PageWarning, Region
from pipelines.run_context import RunContext
from pipelines.text.amounts import join_amounts
from pipelines.text.placement import Placement, hug_lines

CHUNK_LINES = 16  # that are read between two looks at the clock


@dataclass(frozen=True, slots=True)
class TextBudget:
    """The cost of one picture: `lines` that are read at most, and `seconds` after which no further ones are begun."""

    lines: int = 80
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class TextBudgets:
    """`page` is for screenshots, documents and memes, `picture` for all others."""

    picture: TextBudget = TextBudget()
    page: TextBudget = TextBudget(lines=240, seconds=12.0)


@dataclass
class BudgetedReading:
    """The reading of one picture: `unread` lines were found, and not read as `budget` was used up. None has no end.

    `warnings` are those of any of its areas.
    """

    reader: OcrReader
    pool: CpuPool
    budget: TextBudget | None
    unread: int = 0
    warnings: dict[PageWarning, None] = field(default_factory=dict)
    _read: int = 0
    _started: float = field(default_factory=monotonic)

    async def read_area(self, pixels: Pixels, area: Box, scale: float, context: RunContext) -> list[Region]:
        """Regions in reading order, in pixels of the original, of which `pixels` are `scale` times the size."""
        x0, y0, x1, y1 = (int(edge) for edge in (*np.floor(area[:2]), *np.ceil(area[2:])))
        part = np.ascontiguousarray(pixels[y0:y1, x0:x1])
        with context.stage("ocr"):
            boxes = await self.reader.detector.find_lines(part, context)
            located = await self.reader.locate(part, boxes, context)
            text = located.with_lines(await self._read_lines(located, context))
            self.warnings |= dict.fromkeys(text.warnings)
        with context.stage("arrange"):
            return await self.pool.run(arrange_regions, text, (x0, y0), part, scale)

    async def _read_lines(self, located: LocatedText, context: RunContext) -> list[ReadLine]:
        found: list[ReadLine] = []
        boxes = located.boxes
        while len(boxes) and (size := min(CHUNK_LINES, len(boxes), self._lines_left())) > 0:
            found += await self.reader.read_lines(located, boxes[np.arange(size)], context)
            boxes = boxes[np.arange(size, len(boxes))]
            self._read += size
        self.unread += len(boxes)
        return found

    def _lines_left(self) -> int:
        """The first lines are read whatever the clock says: a busy machine must not make a picture wordless."""
        if self.budget is None:
            return CHUNK_LINES
        is_late = self._read > 0 and monotonic() - self._started > self.budget.seconds
        return 0 if is_late else self.budget.lines - self._read


def arrange_regions(text: PageText, corner: tuple[int, int], part: Pixels, scale: float) -> list[Region]:
    """The regions of what was read in `part`, whose left top corner is at `corner`; as `read_area` has them."""
    regions, _, _ = assemble_regions(text, ())
    mapper, placement = CoordinateMapper.of(text, part.shape[1], part.shape[0]), Placement(*corner, scale)
    grey = cast(Grey, cv2.cvtColor(text.pixels, cv2.COLOR_RGB2GRAY))
    hugging = (hug_lines(region, grey) for region in join_amounts(regions))
    return [placement.place_region(mapper.map_region(region)) for region in hugging]
