"""The OCR reader with its real models, and drawn pages."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from models.registry import Catalog
from models.runtime.backends.onnxruntime import read_metadata
from models.runtime.runtime import Runtime
from models.store.store import Store
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.recogniser import read_alphabet
from pipelines.documents.stages import PageText, Pixels
from pipelines.run_context import RunContext
from service.settings import load_settings

ReadPage = Callable[[Pixels], PageText]

LETTER = (
    "Dear Ms Robinson,",
    "thank you for your order of three boxes of paper.",
    "They were sent to you on Monday and should arrive",
    "by the end of this week, in time for the meeting.",
    "Total: 1,234.50 due on 2024-03-17",
)

MODELS = ("ppocr-v6-det-small", "ppocr-v2-cls", "ppocr-v6-rec-small")


@contextmanager
def open_reader() -> Iterator[tuple[OcrReader, asyncio.AbstractEventLoop]]:
    loop, catalog = asyncio.new_event_loop(), Catalog.load()
    store, pool = Store(load_settings().models.store.expanduser()), CpuPool()
    runtime, manifests = Runtime(store, device="cpu"), [catalog.get(name) for name in MODELS]
    try:
        for manifest in manifests:
            loop.run_until_complete(runtime.open(manifest))
        characters = read_alphabet(read_metadata(store.graph(manifests[-1])))
        reader = OcrReader.of(
            *manifests, alphabet=characters, used=(), infer=runtime.infer, infer_many=runtime.infer_many, pool=pool
        )
        yield reader, loop
    finally:
        loop.run_until_complete(runtime.close())
        loop.close()
        pool.close()


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[OcrReader, asyncio.AbstractEventLoop]]:
    with open_reader() as reader_and_loop:
        yield reader_and_loop


@pytest.fixture(scope="session")
def read(running: tuple[OcrReader, asyncio.AbstractEventLoop]) -> ReadPage:
    reader, loop = running
    return lambda pixels: loop.run_until_complete(reader.read(pixels, RunContext()))


def draw_lines(*lines: str, size: int = 28, width: int = 900, paper: str = "white", ink: str = "black") -> Pixels:
    """The lines below each other, in Pillow's own TrueType font."""
    font = ImageFont.load_default(size)
    page = Image.new("RGB", (width, (len(lines) * 2 + 2) * size), paper)
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        draw.text((40, (row * 2 + 1) * size), line, ink, font)
    return np.asarray(page)


def draw_unknown_script() -> Pixels:
    """A page of letters that no alphabet has: each is its own mirror image on its head."""
    font, page = ImageFont.load_default(28), Image.new("RGB", (900, 420), "white")
    for row, line in enumerate(LETTER):
        for column, letter in enumerate(line.upper()[:40]):
            glyph = Image.new("RGB", (20, 36), "white")
            ImageDraw.Draw(glyph).text((10, 2), letter, "black", font, anchor="mt")
            page.paste(glyph.transpose(Image.Transpose.TRANSPOSE).resize((20, 30)), (40 + column * 21, 30 + row * 75))
    return np.asarray(page)
