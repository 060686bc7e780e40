"""The pipeline "text": looks for text at low resolution, and reads what there is within a budget.

Where the request's features say that it is a screenshot, a document or a meme, all of it is read, within a larger one.

picture ─► TextDetector.look, flatness, kind ─► find_areas ─► BudgetedReading: areas by documents' reader ─► regions
"""

from dataclasses import dataclass
from itertools import chain

from pipelines.boxes import Box
from pipelines.captioning.kinds.treatment import find_told_kind, should_read_all
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.region_names import name_regions
from pipelines.documents.shared_reading import find_shared_reading
from pipelines.documents.stages import Pixels
from pipelines.image.backdrop import VisibleRendering
from pipelines.image.decode import Picture
from pipelines.instructions.quoted_text import find_in_regions
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.text.areas import TextEvidence, find_areas, measure_flatness
from pipelines.text.options import TextOptions
from pipelines.text.reading import BudgetedReading, TextBudget, TextBudgets, arrange_regions
from pipelines.text.types import PictureText
from pipelines.text.wording import describe_text
from pipelines.types import ModelUsed

# Pixels of the shorter side that are decoded at least: the reader searches at most 1280 of the longer one.
SHORTER_SIDE = 960


@dataclass(frozen=True)
class TextPipeline:
    reader: OcrReader
    budgets: TextBudgets
    pool: CpuPool
    visible: VisibleRendering
    name: str = "text"

    def models(self, options: TextOptions) -> list[ModelUsed]:
        return self.reader.models

    def shorter_side(self, options: TextOptions) -> int | None:
        return None if options.mode == "full" else SHORTER_SIDE

    async def run(self, picture: Picture, options: TextOptions, context: RunContext) -> PictureText:
        pixels = await self.visible.render(picture)
        read = await self._read(picture, pixels, options, context)
        regions = name_regions(1, read.regions)
        with context.stage("arrange"):
            phrases = await self.pool.run(find_in_regions, regions, pixels, picture.scale) if regions else []
        return read.model_copy(update={"regions": regions, "addresses_model": bool(phrases), "instructions": phrases})

    async def _read(self, picture: Picture, pixels: Pixels, options: TextOptions, context: RunContext) -> PictureText:
        """Regions in reading order, without ids, and what was not read. All there is, where moderation has read it.

        Moderation sees transparent pictures over white, where text may be lost.
        """
        if picture.see_through is None and (page := await find_shared_reading(context)) is not None:
            with context.stage("arrange"):
                regions = await self.pool.run(arrange_regions, page, (0, 0), pixels, picture.scale)
            return PictureText(regions=regions, unread_lines=0, warnings=list(page.warnings))
        areas, budget = await self._plan(pixels, options, context)
        reading = BudgetedReading(self.reader, self.pool, budget)
        parts = [await reading.read_area(pixels, area, picture.scale, context) for area in areas]
        regions = list(chain.from_iterable(parts))
        return PictureText(regions=regions, unread_lines=reading.unread, warnings=list(reading.warnings))

    async def _plan(
        self, pixels: Pixels, options: TextOptions, context: RunContext
    ) -> tuple[list[Box], TextBudget | None]:
        """The areas to read, and the budget for them; None is without an end."""
        height, width = pixels.shape[:2]
        whole = (0.0, 0.0, float(width), float(height))
        if options.mode == "full":
            return [whole], None
        with context.stage("look"):
            look = await self.reader.detector.look(pixels, context)
            flatness = await self.pool.run(measure_flatness, pixels)
            if should_read_all(await find_told_kind(context)):
                return [whole], self.budgets.page
            return find_areas(TextEvidence.of(look, flatness), width, height), self.budgets.picture

    def describe(self, result: PictureText, context: PromptContext) -> str:
        return describe_text(result, context)
