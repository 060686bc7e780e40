"""A text layer and what OCR reads in the same page's pictures become one reading: nothing twice, nothing lost."""

import numpy as np

from pipelines.boxes import Box
from pipelines.documents.merged_reading import is_small_print, merge_readings, remove_repeated, shrink_reading
from pipelines.documents.stages import PageText, TextLine
from tests.pipelines.documents.drawn_pages import make_line

PIXELS = np.full((400, 600, 3), 255, np.uint8)


def line_of(text: str, x: float, y: float) -> TextLine:
    """Words ten pixels a letter, twenty high."""
    words: list[tuple[str, Box]] = []
    for word in text.split():
        words.append((word, (x, y, x + 10.0 * len(word), y + 20)))
        x += 10 * (len(word) + 1)
    return make_line(words)


def page_of(*lines: TextLine) -> PageText:
    return PageText(PIXELS, lines)


def texts(page: PageText) -> list[str]:
    return [line.text for line in page.lines]


SCAN = (line_of("Thank you for your letter", 50, 50), line_of("about the window", 50, 90))
STAMP = line_of("NHA-000417", 400, 370)


def test_stamp_and_scan_are_both_there_from_top_to_bottom() -> None:
    merged, is_scan = merge_readings(PIXELS, page_of(STAMP), page_of(*SCAN))

    assert texts(merged) == ["Thank you for your letter", "about the window", "NHA-000417"]
    assert is_scan


def test_a_small_picture_leaves_the_page_to_its_layer() -> None:
    _, is_scan = merge_readings(PIXELS, page_of(*SCAN), page_of(STAMP))

    assert not is_scan


def test_a_stamp_on_a_line_of_a_scan_takes_nothing_from_it() -> None:
    stamp = line_of("PAID", 130, 52)

    merged, _ = merge_readings(PIXELS, page_of(stamp), page_of(*SCAN))

    assert sorted(texts(merged)) == ["PAID", "Thank you for your letter", "about the window"]


def test_words_that_the_layer_has_are_not_repeated() -> None:
    typed = line_of("12 March", 110, 50)

    kept = remove_repeated([line_of("Date: 12 Narch", 50, 50)], typed.words)

    assert [line.text for line in kept] == ["Date:"]


def test_misread_words_under_their_own_text_are_not_repeated() -> None:
    layer = [line_of("Thank you for your letter", 50, 50), line_of("about the window", 50, 90)]
    read = [line_of("Thank you for xqxx letter", 50, 50), line_of("about the window", 50, 90)]

    assert remove_repeated(read, [word for line in layer for word in line.words]) == []


def test_a_scan_on_its_side_gives_the_page_its_orientation() -> None:
    found = PageText(np.rot90(PIXELS), (line_of("Thank you for your letter", 50, 300),), 90)

    merged, _ = merge_readings(PIXELS, page_of(STAMP), found)

    stamp = next(line for line in merged.lines if line.text == "NHA-000417")
    assert merged.rotation == 90
    assert merged.pixels.shape == (600, 400, 3)
    assert stamp.box == (370.0, 100.0, 390.0, 200.0)  # on its side, below the right edge


def test_a_sideways_picture_on_an_upright_page_keeps_the_page_upright() -> None:
    found = PageText(np.rot90(PIXELS), (line_of("label", 100, 100),), 90)

    merged, _ = merge_readings(PIXELS, page_of(*SCAN), found)

    label = next(line for line in merged.lines if line.text == "label")
    assert merged.rotation == 0
    assert label.box == (480.0, 100.0, 500.0, 150.0)


def test_a_reading_of_a_larger_drawing_is_scaled_back() -> None:
    shrunk = shrink_reading(page_of(line_of("label", 100, 100)), 2)

    assert shrunk.lines[0].box == (50.0, 50.0, 75.0, 60.0)
    assert shrunk.lines[0].words[0].box == (50.0, 50.0, 75.0, 60.0)


def test_print_is_small_by_its_median_line() -> None:
    small = shrink_reading(page_of(*SCAN), 2)

    assert is_small_print(small)
    assert not is_small_print(shrink_reading(page_of(*SCAN), 0.5))
    assert not is_small_print(page_of())
