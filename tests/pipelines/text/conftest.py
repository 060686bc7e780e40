"""The text pipeline on its real models, and pictures with words drawn into them."""

import asyncio
import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.boxes import Box
from pipelines.documents.ocr.reader import OcrReader
from pipelines.image.backdrop import VisibleRendering
from pipelines.image.decode import ImageLimits, decode
from pipelines.run_context import RunContext
from pipelines.text.options import TextOptions
from pipelines.text.pipeline import TextPipeline
from pipelines.text.reading import TextBudget, TextBudgets
from pipelines.text.types import PictureText
from pipelines.types import KindName
from tests.pipelines.documents.ocr.conftest import open_reader
from tests.pipelines.fakes import make_context_of_kind

ReadPicture = Callable[..., PictureText]


@pytest.fixture(scope="session")
def open_models() -> Iterator[tuple[OcrReader, asyncio.AbstractEventLoop]]:
    with open_reader() as reader_and_loop:
        yield reader_and_loop


@pytest.fixture(scope="session")
def read_picture(open_models: tuple[OcrReader, asyncio.AbstractEventLoop]) -> ReadPicture:
    """Encodes a picture as PNG, or `format`, and reads it as the engine would."""
    reader, loop = open_models

    def read(
        image: Image.Image,
        *,
        format: str = "PNG",
        budget: TextBudget | None = None,
        page: TextBudget | None = None,
        kind: KindName | None = None,
        **options: str,
    ) -> PictureText:
        file = io.BytesIO()
        image.save(file, format)
        visible = VisibleRendering(reader.pool)
        budgets = TextBudgets(budget or TextBudget(), page or TextBudget())
        pipeline = TextPipeline(reader, budgets, reader.pool, visible)
        chosen = TextOptions.model_validate(options)
        picture = decode(file.getvalue(), limits=ImageLimits(), shorter_side=pipeline.shorter_side(chosen))
        context = RunContext() if kind is None else loop.run_until_complete(make_context_of_kind(kind))
        return loop.run_until_complete(pipeline.run(picture, chosen, context))

    return read


def list_lines(found: PictureText) -> list[str]:
    return [line.text for region in found.regions for line in region.lines]


def write(image: Image.Image, at: tuple[float, float], text: str, size: int, ink: str = "black", edge: int = 0) -> Box:
    """Draw `text` with its top left corner at `at`, in Pillow's own TrueType font, with a black `edge`; its box."""
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    pen.text(at, text, ink, font, stroke_width=edge, stroke_fill="black")
    return pen.textbbox(at, text, font)


def draw_meme(photograph: Image.Image, top: str, bottom: str) -> Image.Image:
    """White capitals with a black edge, above and below in the photograph."""
    image = photograph.copy()
    size = image.width // 16
    for text, y in ((top, size // 2), (bottom, image.height - 2 * size)):
        write(image, (size, y), text, size, "white", edge=size // 10)
    return image


def draw_error_dialog(*lines: str) -> Image.Image:
    """A desktop of 1280 x 800 with a dialog of one title and `lines` of 15 pixels."""
    desktop = Image.new("RGB", (1280, 800), "#2d5f8b")
    pen = ImageDraw.Draw(desktop)
    pen.rectangle((400, 300, 900, 340 + 30 * len(lines)), "#f3f3f3")
    pen.rectangle((400, 300, 900, 328), "#d9dde3")
    write(desktop, (412, 305), "Setup failed", 16)
    for row, line in enumerate(lines):
        write(desktop, (460, 338 + 26 * row), line, 15)
    return desktop


def draw_receipt(rows: int) -> Image.Image:
    """A narrow slip with prices, lying on a dark table."""
    image = Image.new("RGB", (900, 200 + 36 * rows), "#3b3029")
    ImageDraw.Draw(image).rectangle((250, 40, 650, image.height - 40), "#f7f5f0")
    write(image, (330, 60), "CORNER SHOP", 30)
    for row in range(rows):
        write(image, (280, 120 + 36 * row), f"Article {row + 11}", 22)
        write(image, (540, 120 + 36 * row), f"{row + 1}.95", 22)
    return image
