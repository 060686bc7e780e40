"""Amounts beside what they belong to."""

from pipelines.boxes import Box
from pipelines.documents.types import DocumentLine, Region
from pipelines.text.amounts import join_amounts


def make_column(x: float, *rows: tuple[float, str]) -> Region:
    """Lines of 20 pixels at these heights, one below the other, each as wide as its text."""
    lines = [DocumentLine(text=text, box=_place(x, y, text), score=0.99, words=[]) for y, text in rows]
    return Region(label="text", box=lines[0].box, score=1, order=0, lines=lines)


def _place(x: float, y: float, text: str) -> Box:
    return x, y, x + 10 * len(text), y + 20


def list_texts(*regions: Region) -> list[list[str]]:
    return [[line.text for line in region.lines] for region in join_amounts(regions)]


NAMES = make_column(0, (0, "Bread"), (30, "Butter"), (60, "Milk, organic"))


def test_prices_follow_the_lines_that_they_stand_beside() -> None:
    prices = make_column(400, (2, "2.50"), (62, "1.20"))

    assert list_texts(NAMES, prices) == [["Bread", "2.50", "Butter", "Milk, organic", "1.20"]]


def test_the_regions_box_grows_with_them() -> None:
    [region] = join_amounts([NAMES, make_column(400, (0, "2.50"), (30, "1.20"))])

    assert region.box == (0, 0, 440, 80)


def test_a_columns_heading_keeps_its_place() -> None:
    prices = make_column(400, (-30, "EUR"), (0, "2.50"), (30, "1.20"))

    assert list_texts(NAMES, prices) == [["EUR", "Bread", "2.50", "Butter", "1.20", "Milk, organic"]]


def test_two_columns_of_words_stay_apart() -> None:
    words = make_column(400, (0, "Opening hours"), (30, "Monday"))

    assert len(list_texts(NAMES, words)) == 2


def test_amounts_with_nothing_beside_them_stay_apart() -> None:
    assert len(list_texts(NAMES, make_column(400, (200, "2.50"), (230, "1.20")))) == 2


def test_amounts_to_the_left_stay_apart() -> None:
    assert len(list_texts(make_column(400, (0, "Bread")), make_column(0, (0, "1")))) == 2
