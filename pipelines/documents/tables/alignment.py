"""Judges whether rows of texts are a table: columns that are aligned, short, and do not read on from row to row."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, takewhile
from statistics import mean

import numpy as np

from pipelines.boxes import box_height
from pipelines.documents.structure.text_patterns import (
    ends_sentence,
    is_equation_number,
    is_formula,
    is_item,
    is_page_number,
)
from pipelines.documents.tables.grid import find_column_extents
from pipelines.documents.tables.tokens import TextToken, is_numeric

FILLED = 0.5  # share of the cells of rows with several texts that have text, at least
FILLED_PAGE = 0.6  # the same of all cells of a page that is a table
ALIGNED = 0.6  # share of a column's texts that are aligned, at least
ALIGNED_OVERALL = 0.75  # the same of all texts
MOST_WORDS = 4.5  # per text, on average: columns of running text have more
READS_ON = 0.3  # share of a column's texts that go on in the next row, as in a column of running text, at most
VALUES = 0.6  # share of a column's texts that are values, in a table of two columns without names, at least
LONGEST_NAME, LONGEST_VALUE = 3.0, 4.5  # words on average in a list of names and values
MANY_ROWS, FULL = 6, 0.8  # rows, and share of cells with text, from which a table needs no values
CONTENTS = 0.3  # share of rows with leaders from which it is a table of contents
PAGES = 0.9  # share of rows that end with a page number, and of numbers that rise, from which it is one without leaders

FORMULAS = 0.2  # share of texts that are formulas, at most
WORDED = 0.1  # share of texts with letters, at least
LARGER = 1.3  # than the texts is the title of a slide, but not that of a table
RUNNING_WORDS, RUNNING_CHARACTERS = 7, 36  # of a line of running text, at least

Extent = tuple[float, float]  # left and right of a column
Row = Sequence[TextToken]


def is_running(token: TextToken) -> bool:
    """Whether it is as long as a line of running text."""
    return len(token.words) >= RUNNING_WORDS and len(token.text) >= RUNNING_CHARACTERS


def are_columns(rows: Sequence[Row], text_height: float) -> bool:
    """Whether the rows make a table; rows of one text are headings, or continue the row above."""
    full = [row for row in rows if len(row) > 1]
    columns = sorted(find_column_extents(full, text_height))
    if len(columns) < 2:
        return False
    texts = [_find_texts(full, column) for column in columns]
    filled = mean(len({_index_column(token, columns) for token in row}) for row in full) / len(columns)
    words = [len(token.words) for row in full for token in row]
    return (
        filled >= FILLED
        and mean(words) <= MOST_WORDS
        and _are_aligned(texts, text_height)
        and not _are_contents(full)
        and not any(map(_reads_on, texts))
        and not _are_formulas(full)
        and not any(map(_are_marks, texts))
        and _have_words([token for row in full for token in row])
        and (_have_values(texts, filled) if len(columns) > 2 else _are_pairs(texts[0], texts[1], filled))
    )


def are_all_columns(rows: Sequence[Row], text_height: float) -> bool:
    """Whether all rows, those of one text included, make a table of at least three columns."""
    columns = find_column_extents(rows, text_height)
    ends = [row[0] for part in (rows, rows[::-1]) for row in takewhile(lambda row: len(row) == 1, part)]
    is_large = max(box_height(token.box) for token in rows[0]) > LARGER * text_height
    if len(columns) < (3 if len(rows) > 2 else 4) or is_large or any(map(is_running, ends)):
        return False
    filled = mean(min(len(row), len(columns)) for row in rows) / len(columns)
    words = [len(token.words) for row in rows for token in row]
    texts = [_find_all_texts(rows, column) for column in columns]
    return (
        filled >= FILLED_PAGE
        and not _are_formulas(rows)
        and mean(words) <= MOST_WORDS
        and _are_aligned(texts, text_height)
        and (len(rows) > 2 or _have_values([column[1:] for column in texts], 0.0))
    )


def _find_texts(rows: Sequence[Row], column: Extent) -> list[TextToken | None]:
    """The first text of each row in the column."""
    return [next((token for token in row if column[0] <= token.centre[0] <= column[1]), None) for row in rows]


def _find_all_texts(rows: Sequence[Row], column: Extent) -> list[TextToken]:
    return [token for row in rows for token in row if column[0] <= token.centre[0] <= column[1]]


def _are_marks(texts: Sequence[TextToken | None]) -> bool:
    """Whether a column has bullets, as lists have that stand side by side."""
    found = [token.text for token in texts if token is not None]
    return sum(is_item(f"{text} a") and not text[:1].isalnum() for text in found) > 0.3 * len(found)


def _are_formulas(rows: Sequence[Row]) -> bool:
    """Whether many texts are formulas, or several rows are equations with their numbers."""
    texts = [token.text for row in rows for token in row]
    numbered = [row for row in rows if is_equation_number(row[-1].text) and any("=" in one.text for one in row[:-1])]
    return sum(map(is_formula, texts)) > FORMULAS * len(texts) or len(numbered) > 1


def _have_words(tokens: Sequence[TextToken]) -> bool:
    """Whether some texts are words: the marks of a drawing, or of a chart's axes, are numbers only."""
    return mean(any(map(str.isalpha, token.text)) for token in tokens) >= WORDED


def _have_values(columns: Sequence[Sequence[TextToken | None]], filled: float) -> bool:
    """Whether a column has values, or the rows are many and full: rows of mere words may be lists side by side."""
    found = [[token for token in texts if token is not None] for texts in columns]
    is_valued = any(mean(is_numeric(token.text) for token in texts) >= 0.5 for texts in found if texts)
    return is_valued or (len(columns[0]) >= MANY_ROWS and filled >= FULL)


def _index_column(token: TextToken, columns: Sequence[Extent]) -> int:
    return min(range(len(columns)), key=lambda index: abs(sum(columns[index]) / 2 - token.centre[0]))


def _are_aligned(columns: Sequence[Sequence[TextToken | None]], text_height: float) -> bool:
    """Whether most texts of each column share a left edge, a right edge or a centre, unlike words of running text."""
    shares, counts = [], []
    for texts in columns:
        spans = np.array([(token.box[0], token.box[2]) for token in texts if token is not None])
        if len(spans) < 2:
            continue
        edges = np.column_stack([spans, spans.mean(axis=1)])
        near = np.abs(edges - np.median(edges, axis=0)) <= 0.6 * text_height
        shares.append(float(near.mean(axis=0).max()))
        counts.append(len(spans))
    return bool(shares) and min(shares) >= ALIGNED and float(np.average(shares, weights=counts)) >= ALIGNED_OVERALL


def _reads_on(texts: Sequence[TextToken | None]) -> bool:
    """Whether the column's texts go on in the next row, as those of running text do, whose lines are all different."""
    pairs = [(one, other) for one, other in pairwise(texts) if one is not None and other is not None]
    counts = Counter(token.text for token in texts if token is not None)
    goes_on = [
        other.text[:1].islower() and not ends_sentence(one.text) and len(one.words) > 1 and counts[other.text] == 1
        for one, other in pairs
    ]
    return sum(goes_on) > READS_ON * max(1, len(pairs))


def _are_contents(rows: Sequence[Row]) -> bool:
    """Whether they are contents or an index: leaders, or titles and rising page numbers."""
    leaders = sum(any("...." in token.text or ". . ." in token.text for token in row) for row in rows)
    if leaders > CONTENTS * len(rows):
        return True
    last = [row[-1].text.strip(". ") for row in rows]
    numbers = [int(text) for text in last if text.isdecimal() and len(text) < 5]
    rises = [one <= other for one, other in pairwise(numbers)]
    are_pages = sum(map(is_page_number, last)) >= PAGES * len(last) and sum(rises) >= PAGES * len(rises)
    return len(rows[0]) < 4 and are_pages and len(numbers) > 1 and numbers[0] < numbers[-1]


def _are_pairs(left: Sequence[TextToken | None], right: Sequence[TextToken | None], filled: float) -> bool:
    """Whether two columns are texts with their values, or names with what they name; not a list with its marks."""
    names, values = ([token for token in side if token is not None] for side in (left, right))
    if not names or not values or mean(len(token.text) <= 3 or is_item(f"{token.text} a") for token in names) > 0.5:
        return False
    if mean(is_numeric(token.text) for token in values) >= VALUES:
        return True
    is_named = mean(token.text[:1].isupper() or token.text.endswith(":") for token in names) >= 0.8
    is_short = mean(len(token.words) for token in names) <= LONGEST_NAME
    has_values = mean(any(map(str.isdigit, token.text)) for token in values) >= 0.3 or len(values) >= MANY_ROWS
    has_values = has_values or mean(token.text.endswith(":") for token in names) > 0.5
    is_short = is_short and mean(len(token.words) for token in values) <= LONGEST_VALUE
    return is_named and is_short and has_values and filled > 0.9
