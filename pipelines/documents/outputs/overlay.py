"""Draws regions, words and table cells onto a page's picture, for people to look at."""

import io

from PIL import Image, ImageDraw, ImageFont

from pipelines.boxes import Box
from pipelines.documents.types import Page, RegionLabel

COLOURS: dict[RegionLabel, str] = {
    "title": "#d50000", "text": "#2962ff", "list": "#00b8d4", "table": "#00c853", "figure": "#aa00ff",
    "caption": "#ff6d00", "header": "#9e9e9e", "footer": "#9e9e9e", "footnote": "#795548", "formula": "#c51162",
    "reference": "#827717",
}  # fmt: skip
WORD_COLOUR = "#bdbdbd"


def draw_page(page: Page) -> Image.Image:
    """For a page with its picture: words grey, regions in their label's colour with their reading order."""
    image = Image.open(io.BytesIO(page.picture or b"")).convert("RGB")
    pen, width = ImageDraw.Draw(image), max(1, round(min(image.size) / 600))
    font = ImageFont.load_default(size=12 * width)
    for region in page.regions:
        for line in region.lines:
            for word in line.words:
                _outline(pen, word.box, WORD_COLOUR, 1)
    for table in page.tables:
        for cell in table.cells:
            _outline(pen, cell.box, COLOURS["table"], 1)
    for region in page.regions:
        colour, caption = COLOURS[region.label], f"{region.order} {region.label} {region.score:.2f}"
        _outline(pen, region.box, colour, width)
        position = (region.box[0], max(0.0, region.box[1] - 14 * width))
        pen.text(position, caption, fill=colour, font=font, stroke_width=1, stroke_fill="white")
    return image


def _outline(pen: ImageDraw.ImageDraw, box: Box, colour: str, width: int) -> None:
    x0, y0, x1, y1 = box
    pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=width)
