"""Pages on which geometry misleads: which way up they are is decided by what can be read."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.upright import measure_legibility
from pipelines.documents.stages import Pixels
from tests.pipelines.documents.ocr.conftest import ReadPage, draw_lines
from tests.pipelines.documents.ocr.test_reader import text_of

YEARS = ("2019", "2020", "2021", "2022", "2023")
DIGITS = ("1", "2", "3", "4", "5", "6", "7")


def draw_chart(labels: Sequence[str], scale: Sequence[str]) -> Pixels:
    """Bars over their labels, beside an axis with its scale."""
    image, font = Image.new("RGB", (600, 420), "white"), ImageFont.load_default(18)
    pen, pitch = ImageDraw.Draw(image), 500 / len(labels)
    for row, mark in enumerate(scale):
        y = 360 - row * 330 / len(scale)
        pen.line((75, y, 80, y), "black")
        pen.text((70, y), mark, "black", font, anchor="rm")
    for column, label in enumerate(labels):
        x = 80 + pitch * (column + 0.5)
        height = 60 + (column * 97) % 220
        pen.rectangle((x - pitch / 4, 360 - height, x + pitch / 4, 360), "#4472c4")
        pen.text((x, 380), label, "black", font, anchor="mm")
    pen.line((80, 20, 80, 360, 580, 360), "black")
    return np.asarray(image)


CHARTS = {
    "years": draw_chart(YEARS, ("0", "25", "50", "75", "100")),
    "digits": draw_chart(DIGITS, ("0", "10", "20", "30")),
    "months": draw_chart(("Jan", "Feb", "Mar", "Apr"), ("0", "10", "20", "30")),
}


@pytest.mark.parametrize("name", CHARTS)
def test_bars_do_not_turn_a_chart(read: ReadPage, name: str) -> None:
    assert read(CHARTS[name]).rotation == 0


def test_labels_of_a_chart_are_read(read: ReadPage) -> None:
    assert set(text_of(read(CHARTS["years"]))) >= {*YEARS, "0", "25", "50", "75", "100"}


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_chart_that_was_turned_is_turned_back(read: ReadPage, rotation: int) -> None:
    turned = np.ascontiguousarray(np.rot90(CHARTS["years"], -rotation // 90))

    assert read(turned).rotation == rotation


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_faint_print_is_read_upright(read: ReadPage, rotation: int) -> None:
    lines = ("Broadview Marketing", "Taman Subang", "Milk 1 l  2.69", "Bread  3.50", "Total  6.19")
    noise = np.random.default_rng(0).normal(0, 14, (24 * 12, 320, 3))
    faint = (draw_lines(*lines, size=24, width=320, ink="#a8a8a8") + noise).clip(0, 255).astype(np.uint8)
    page = read(np.ascontiguousarray(np.rot90(faint, -rotation // 90)))

    assert page.rotation == rotation


def test_nothing_legible_leaves_a_page_as_it_came(read: ReadPage) -> None:
    image = Image.new("RGB", (400, 400), "white")
    for column in range(5):
        ImageDraw.Draw(image).rectangle((40 + column * 70, 60, 60 + column * 70, 340), "#4472c4")

    assert read(np.asarray(image)).rotation == 0


def read_with(score: float, *texts: str) -> list[list[Character]]:
    return [[Character(one, 0.5, score) for one in text] for text in texts]


def test_many_short_lines_are_more_legible_than_a_long_one() -> None:
    labels = measure_legibility(read_with(0.99, "Jan", "Feb", "Mar", "Apr", "10", "20"))

    assert labels > measure_legibility(read_with(0.99, "Units sold per year"))


def test_what_is_read_badly_counts_for_nothing() -> None:
    assert measure_legibility(read_with(0.75, "hag gKo37", "kk k kkve")) == 0
