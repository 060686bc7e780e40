"""Pages read by the real models, which `make setup` puts into the store."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from pipelines.documents.coordinates import PageTransform
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.lines import ReadLine
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.stages import PageText, Pixels
from pipelines.run_context import RunContext
from tests.pipelines.documents.ocr.conftest import LETTER, ReadPage, draw_lines, draw_unknown_script


def text_of(page: PageText) -> list[str]:
    return [line.text for line in page.lines]


def test_a_drawn_letter_is_read_to_the_letter(read: ReadPage) -> None:
    assert text_of(read(draw_lines(*LETTER))) == list(LETTER)


@pytest.mark.parametrize("size", [11, 16, 60, 90])
def test_small_and_large_print_is_read(read: ReadPage, size: int) -> None:
    assert text_of(read(draw_lines("Blue mountain coffee", size=size, width=size * 14))) == ["Blue mountain coffee"]


@pytest.mark.parametrize("words", ["OK", "Stop", "50%", "Room 12"])
def test_print_that_fills_a_small_picture_is_read(read: ReadPage, words: str) -> None:
    whole = np.full((600, 600, 3), 255, np.uint8)
    size = 1000 // (len(words) + 1)
    line = draw_lines(words, size=size, width=560)[size // 2 :][:560]
    whole[20 : 20 + len(line), 20:580] = line

    assert text_of(read(whole)) == [words]


def test_large_and_small_print_of_one_poster_is_read(read: ReadPage) -> None:
    large, small = draw_lines("SALE", size=380, width=1240), draw_lines(*LETTER[1:3], size=24, width=1240)

    assert text_of(read(np.concatenate([large, small]))) == ["SALE", *LETTER[1:3]]


def test_light_print_on_dark_is_read(read: ReadPage) -> None:
    assert text_of(read(draw_lines(*LETTER[1:3], paper="#203040", ink="#e0e0d0"))) == list(LETTER[1:3])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_rotated_page_is_read_upright(read: ReadPage, rotation: int) -> None:
    page = read(np.rot90(draw_lines(*LETTER), -rotation // 90))

    assert page.rotation == rotation
    assert text_of(page) == list(LETTER)


@pytest.mark.parametrize("skew", [-8.0, 4.0])
def test_a_skewed_page_is_straightened(read: ReadPage, skew: float) -> None:
    slanted = PageTransform(900, 336, 0, -skew).warp(draw_lines(*LETTER))
    page = read(slanted)

    assert page.skew == pytest.approx(skew, abs=0.4)
    assert text_of(page) == list(LETTER)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_word_boxes_map_back_to_the_page_as_it_came_in(read: ReadPage, rotation: int) -> None:
    original = np.ascontiguousarray(np.rot90(draw_lines("left", "middle       right"), -rotation // 90))
    page = read(original)
    transform = PageTransform.of(page, original.shape[1], original.shape[0])
    ink = []
    for word in (word for line in page.lines for word in line.words):
        x0, y0, x1, y1 = map(round, transform.box_to_original(word.box))
        ink.append(int((original[y0:y1, x0:x1] < 128).sum()))

    assert sum(ink) == pytest.approx(int((original < 128).sum()), rel=0.03)


def test_word_boxes_of_a_wide_line_end_at_their_ink(read: ReadPage) -> None:
    page = draw_lines(LETTER[2])
    columns = page.min(axis=(0, 2)) < 128
    words = [word for line in read(page).lines for word in line.words]
    edges = [(round(x0), round(x1)) for x0, _, x1, _ in (word.box for word in words)]

    assert [word.text for word in words] == LETTER[2].split()
    assert all(columns[x0 - 1 : x0 + 3].any() and columns[x1 - 3 : x1 + 1].any() for x0, x1 in edges)
    assert not any(columns[x1 + 2 : next_x0 - 2].any() for (_, x1), (next_x0, _) in pairwise(edges))


@pytest.mark.parametrize("text", ["A", "7", "OK", "12.40", "Invoice"])
def test_a_single_word_is_read(read: ReadPage, text: str) -> None:
    assert text_of(read(draw_lines(text, size=40, width=260))) == [text]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 9), (1500, 1000), (4000, 200)])
def test_a_page_without_text_has_none(read: ReadPage, shape: tuple[int, int]) -> None:
    assert text_of(read(np.full((*shape, 3), 255, np.uint8))) == []


def test_a_line_wider_than_the_recogniser_accepts_is_read_whole(read: ReadPage) -> None:
    wide = " ".join(LETTER[1:4])

    assert text_of(read(draw_lines(wide, size=20, width=1700))) == [wide]


def test_small_print_on_a_long_screenshot_is_read(read: ReadPage) -> None:
    lines = [f"Entry {number} of the long list" for number in range(100, 180)]

    assert text_of(read(draw_lines(*lines, size=14, width=1200))) == lines


def test_text_that_runs_up_the_margin_is_read_too(read: ReadPage) -> None:
    page = draw_lines(*LETTER * 2)
    margin = np.rot90(draw_lines("Printed in Belgium", size=20, width=page.shape[0]))
    both = read(np.concatenate([margin, page], axis=1))

    assert both.rotation == 0
    assert sorted(text_of(both)) == sorted([*LETTER * 2, "Printed in Belgium"])


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270], ids=["up", "down"])
def test_short_turned_words_are_read_from_the_better_end(read: ReadPage, turn: Image.Transpose) -> None:
    page = Image.fromarray(draw_lines(*LETTER, size=26))
    sheet = Image.new("RGB", (page.width, page.height + 200), "white")
    sheet.paste(page, (0, 200))
    font = ImageFont.load_default(26)
    for column, word in enumerate(["Welding", "Hull", "Crane"]):
        strip = Image.new("RGB", (round(font.getlength(word)) + 10, 40), "white")
        ImageDraw.Draw(strip).text((5, 2), word, "black", font)
        sheet.paste(strip.transpose(turn), (80 + 100 * column, 60))

    found = text_of(read(np.asarray(sheet)))

    assert {"Welding", "Hull", "Crane"} <= set(found)


def test_a_line_reads_the_same_alone_and_among_others(
    running: tuple[OcrReader, asyncio.AbstractEventLoop],
) -> None:
    reader, loop = running
    page = draw_lines(*LETTER)
    boxes = loop.run_until_complete(reader.detector.find_lines(page, RunContext()))

    async def read_together() -> list[ReadLine]:
        return await reader.recogniser.read_lines(page, boxes, RunContext())

    async def read_alone() -> list[ReadLine]:
        rows = [boxes[np.array([row])] for row in range(len(boxes))]
        return [line for one in rows for line in await reader.recogniser.read_lines(page, one, RunContext())]

    def describe(lines: list[ReadLine]) -> list[tuple[str, float]]:
        return [(one.line.text, one.line.score) for one in lines if one.line]

    assert describe(loop.run_until_complete(read_together())) == describe(loop.run_until_complete(read_alone()))


def load_photograph(name: str) -> Pixels:
    return np.repeat(getattr(skimage.data, name)()[:, :, None], 3, axis=2)


def test_a_scanned_page_is_read(read: ReadPage) -> None:
    assert "Region-based segmentation" in text_of(read(load_photograph("page")))


def test_no_lines_can_be_transformed() -> None:
    assert len(TextQuads.empty().transform(PageTransform(10, 10, 90))) == 0


# At .7 of their width, lines like these lost and doubled digits at scores of .97 and more.
AMOUNTS = (
    "Account 4702 8207 1489 8101, amount 38,100.71, till 17.11.2025",
    "Account 9279 4774 7837 1153, amount 16,111.71, till 31.11.2025",
    "Account 6593 8531 0280 9283, amount 50,177.11, till 15.11.2025",
)


@pytest.mark.parametrize("size", [12, 14, 16, 20, 24])
def test_every_digit_of_wide_lines_is_read(read: ReadPage, size: int) -> None:
    assert text_of(read(draw_lines(*AMOUNTS, size=size, width=size * 38))) == list(AMOUNTS)


def test_a_line_is_as_sure_as_its_least_sure_word(read: ReadPage) -> None:
    line = read(draw_lines(LETTER[4])).lines[0]

    assert line.score == min(word.score for word in line.words)


def test_a_script_that_is_not_covered_is_named(read: ReadPage) -> None:
    assert read(draw_unknown_script()).warnings == ("script-not-covered",)


def test_words_of_a_script_that_is_not_covered_are_doubtful(read: ReadPage) -> None:
    assert all(word.score <= 0.5 for line in read(draw_unknown_script()).lines for word in line.words)


def test_a_letter_has_no_warnings(read: ReadPage) -> None:
    assert read(draw_lines(*LETTER)).warnings == ()
