"""Lines in scripts that the first reader has no letters for, read by Tesseract where it is installed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.documents.ocr import tesseract as tesseract_module
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.scripts import Alphabet
from pipelines.documents.ocr.second_reader import SecondReader, rate_sample
from pipelines.documents.ocr.tesseract import RecognisedWord, Tesseract, join_pieces
from pipelines.documents.stages import PageText, Pixels
from pipelines.run_context import RunContext
from tests.pipelines.documents.ocr.conftest import draw_lines, draw_unknown_script

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
TESSERACT = Tesseract.find()
CYRILLIC = next((one for one in TESSERACT.alphabets if one.script == "Cyrillic"), None) if TESSERACT else None

needs_tesseract = pytest.mark.skipif(
    CYRILLIC is None or not FONT.exists(),
    reason="needs Tesseract with Russian (tesseract-ocr-rus) and fonts-dejavu-core",
)

RUSSIAN = (
    "Договор поставки № 142 от 12 марта 2026 года",
    "Поставщик обязуется передать товар в срок",
    "Общая сумма: 18 450,00 руб.",
)
ENGLISH = ("Invoice number 2026-142, dated 12 March", "Total amount 18,450.00 EUR, due in 30 days")

ReadTwice = Callable[[Pixels, Tesseract], tuple[PageText, RunContext]]


def draw(*lines: str) -> Pixels:
    page = Image.new("RGB", (1000, 90 * len(lines) + 60), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((40, 40 + 90 * number), line, "black", ImageFont.truetype(FONT, 30))
    return np.asarray(page)


@pytest.fixture
def read_twice(running: tuple[OcrReader, asyncio.AbstractEventLoop]) -> ReadTwice:
    reader, loop = running

    def read(pixels: Pixels, tesseract: Tesseract) -> tuple[PageText, RunContext]:
        context = RunContext()
        own = replace(reader, second=SecondReader(tesseract, reader.pool))
        return loop.run_until_complete(own.read(pixels, context)), context

    return read


def text_of(page: PageText) -> list[str]:
    return [line.text for line in page.lines]


@pytest.fixture
def russian(read_twice: ReadTwice) -> tuple[PageText, RunContext]:
    assert TESSERACT is not None
    return read_twice(draw(*RUSSIAN), TESSERACT)


@needs_tesseract
def test_a_page_in_russian_is_read(russian: tuple[PageText, RunContext]) -> None:
    assert text_of(russian[0]) == list(RUSSIAN)


@needs_tesseract
def test_what_was_read_again_has_no_warning(russian: tuple[PageText, RunContext]) -> None:
    assert russian[0].warnings == ()


@needs_tesseract
def test_words_have_boxes_and_scores_of_their_own(russian: tuple[PageText, RunContext]) -> None:
    words = russian[0].lines[0].words

    assert [word.text for word in words[:2]] == ["Договор", "поставки"]
    assert words[0].box == pytest.approx((40, 46, 180, 77), abs=12)
    assert words[0].box[2] < words[1].box[0]
    assert min(word.score for word in words) > 0.5


@needs_tesseract
def test_the_answer_names_the_trained_data(russian: tuple[PageText, RunContext]) -> None:
    assert TESSERACT is not None
    assert CYRILLIC is not None
    assert TESSERACT.used(CYRILLIC) in russian[1].models_run


@needs_tesseract
def test_lines_that_the_first_reader_covers_stay(read_twice: ReadTwice) -> None:
    assert TESSERACT is not None
    page, _ = read_twice(draw(ENGLISH[0], RUSSIAN[0], ENGLISH[1], RUSSIAN[1]), TESSERACT)

    assert text_of(page) == [ENGLISH[0], RUSSIAN[0], ENGLISH[1], RUSSIAN[1]]


@needs_tesseract
def test_light_on_dark_is_read(read_twice: ReadTwice) -> None:
    assert TESSERACT is not None
    page, _ = read_twice(255 - draw(*RUSSIAN), TESSERACT)

    assert text_of(page) == list(RUSSIAN)


@needs_tesseract
@pytest.mark.skipif(
    TESSERACT is None or len(TESSERACT.alphabets) < 2, reason="needs Tesseract's data for another script, too"
)
def test_a_wrong_alphabet_reads_nothing(read_twice: ReadTwice) -> None:
    assert TESSERACT is not None
    others = replace(TESSERACT, alphabets=tuple(one for one in TESSERACT.alphabets if one.script != "Cyrillic"))

    page, context = read_twice(draw(*RUSSIAN), others)

    assert page.warnings == ("script-not-covered",)
    assert not any(used.id.startswith("tesseract") for used in context.models_run)


def make_program(folder: Path, script: str) -> Tesseract:
    """A program that reads nothing."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Tesseract(program, folder, (Alphabet("Cyrillic", "CYRILLIC", ("rus",)),))


@pytest.mark.parametrize(
    "script", ["exit 1", "kill -9 $$", "cat > /dev/null; head -c 100000 /dev/urandom", "cat > /dev/null; sleep 60"]
)
def test_a_program_that_fails_costs_no_page(
    read_twice: ReadTwice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(tesseract_module, "MAX_SECONDS", 0.5)

    page, _ = read_twice(draw_unknown_script(), make_program(tmp_path, script))

    assert page.warnings == ("script-not-covered",)


def test_a_page_in_latin_letters_asks_no_second_reader(read_twice: ReadTwice, tmp_path: Path) -> None:
    asked = tmp_path / "asked"

    page, _ = read_twice(draw_lines(*ENGLISH), make_program(tmp_path, f"touch {asked}"))

    assert text_of(page) == list(ENGLISH)
    assert not asked.exists()


def test_syllables_of_a_word_are_joined_and_the_weakest_counts() -> None:
    pieces = [
        RecognisedWord("할", 0.0, 0.1, 0.96),
        RecognisedWord("인점", 0.11, 0.3, 0.6),
        RecognisedWord("주유", 0.4, 0.5, 0.9),
    ]
    words = join_pieces(pieces, 0.05)

    assert [word.text for word in words] == ["할인점", "주유"]
    assert words[0].score == pieces[1].score
    assert (words[0].left, words[0].right) == (0.0, 0.3)


def test_words_of_scripts_with_spaces_stay_apart() -> None:
    pieces = [RecognisedWord("да", 0.0, 0.1, 0.9), RecognisedWord("нет", 0.1, 0.3, 0.9)]

    assert join_pieces(pieces, Alphabet("Cyrillic", "CYRILLIC", ("rus",)).piece_gap) == pieces


def test_few_letters_over_and_over_are_no_language() -> None:
    thai = Alphabet("Thai", "THAI", ("tha",))
    babble = [[RecognisedWord("ทานปทุ" * 40, 0.0, 1.0, 0.95)]]
    language = [[RecognisedWord("ในเมืองชายฝั่งเล็กๆอย่างเคลียร์วอเทอร์ที่ตั้งอยู่ระหว่างหน้าผาสูงตระหง่าน" * 3, 0.0, 1.0, 0.95)]]

    assert rate_sample(babble, thai) == 0.0
    assert rate_sample(language, thai) == pytest.approx(0.95)
