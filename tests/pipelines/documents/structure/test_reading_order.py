"""Reading order of boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.boxes import Box
from pipelines.documents.structure.reading_order import find_reading_order

LINE_HEIGHT = 20.0

boxes = st.builds(
    lambda x, y, width, height: (float(x), float(y), float(x + width), float(y + height)),
    *(st.integers(0, 900), st.integers(0, 900), st.integers(0, 600), st.integers(0, 300)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(boxes, st.booleans()), max_size=25))
def test_every_box_has_one_place(drawn: list[tuple[Box, bool]]) -> None:
    order = find_reading_order([box for box, _ in drawn], LINE_HEIGHT, [is_float for _, is_float in drawn])

    assert sorted(order) == list(range(len(drawn)))


PAGES: dict[str, list[Box]] = {
    "two columns under a title": [
        (100, 50, 900, 90), (100, 120, 480, 400), (100, 410, 480, 800), (520, 120, 900, 300), (520, 310, 900, 800),
    ],
    "columns, a figure across, columns": [
        (100, 100, 480, 300), (520, 100, 900, 300), (100, 320, 900, 500), (100, 520, 480, 800), (520, 520, 900, 800),
    ],
    "a form is read row by row": [
        (100, 100, 200, 120), (300, 100, 400, 120), (100, 140, 200, 160), (300, 140, 400, 160),
    ],
    "three columns of different length": [
        (100, 100, 300, 800), (350, 100, 550, 500), (350, 510, 550, 600), (600, 100, 800, 300),
    ],
    "side headings beside their paragraphs": [
        (100, 100, 240, 122), (300, 100, 900, 240), (100, 280, 220, 302), (300, 280, 900, 360), (300, 370, 900, 460),
        (100, 500, 200, 545), (300, 500, 900, 620),
    ],
    "dates at the right of their entries": [
        (100, 100, 700, 180), (780, 100, 900, 122), (100, 220, 700, 320), (780, 220, 900, 242),
    ],
    "bubbles of a chat that take turns": [
        (100, 100, 400, 180), (600, 200, 900, 260), (100, 280, 420, 400), (610, 420, 900, 450), (100, 470, 300, 500),
    ],
    "a heading above and left of what it is over": [(50, 50, 150, 80), (200, 100, 600, 400), (200, 410, 600, 500)],
    "columns that reach into each other's rows": [
        (100, 100, 480, 420), (100, 430, 480, 800), (520, 100, 900, 220), (520, 230, 900, 800),
    ],
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("seed", range(3))
def test_pages_are_read_in_the_order_they_are_written(page: str, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(len(PAGES[page])).tolist()
    order = find_reading_order([PAGES[page][index] for index in shuffled], LINE_HEIGHT)

    assert [shuffled[index] for index in order] == list(range(len(PAGES[page])))


def test_a_figure_in_the_gutter_follows_the_text_around_it() -> None:
    found: list[Box] = [
        (100, 100, 480, 300), (100, 310, 380, 600), (100, 610, 480, 800), (390, 320, 610, 590),
        (520, 100, 900, 300), (620, 310, 900, 600), (520, 610, 900, 800),
    ]  # fmt: skip
    floats = [index == 3 for index in range(7)]

    assert find_reading_order(found, LINE_HEIGHT, floats) == [0, 1, 2, 4, 5, 6, 3]
