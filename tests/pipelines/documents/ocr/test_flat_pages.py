"""Photographed pages with the real models: they read as well flat as drawn, in order."""

import asyncio
from difflib import SequenceMatcher

import pytest

from pipelines.documents.flattening_reader import FlatteningReader
from pipelines.documents.ocr.reader import OcrReader
from pipelines.run_context import RunContext
from tests.pipelines.documents.perspective_pages import CORNERS, LETTER, draw_letter, photograph_page


@pytest.mark.parametrize("view", list(CORNERS))
def test_a_photographed_page_reads_in_order(running: tuple[OcrReader, asyncio.AbstractEventLoop], view: str) -> None:
    reader, loop = running
    photo = photograph_page(draw_letter(), CORNERS[view])
    flat = loop.run_until_complete(FlatteningReader(reader, reader.pool).read(photo, 1.0, RunContext()))
    words = " ".join(line.text for line in flat.lines).split()

    assert flat.flattening is not None
    assert SequenceMatcher(None, words, " ".join(LETTER * 3).split(), autojunk=False).ratio() > 0.97
