"""Builds a line of text with its words, in the page's pixels, from recognised characters."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.whitespace import drop_spaces, find_gaps, find_ink_columns, find_word_ends
from pipelines.documents.stages import Pixels, QuadArray, TextLine, TextWord

MIN_SCORE = 0.6  # mean of a line's characters; lower ones are dirt, rules or pictures
MIN_SINGLE_CHARACTER_SCORE = (
    0.85  # of one that is all there is: icons and smudges look like a letter more easily than like words
)


def build_text_line(quad: QuadArray, crop: Pixels, characters: Sequence[Character]) -> TextLine | None:
    """None if the characters are too doubtful to be text; their positions are shares of the line's length."""
    visible, _ = drop_spaces(characters)
    score = mean_score(characters) if visible else 0.0
    if score < (MIN_SCORE if len(visible) > 1 else MIN_SINGLE_CHARACTER_SCORE):
        return None
    ink = find_ink_columns(crop)
    gaps = find_gaps(ink, [one.position * len(ink) for one in visible])
    ends = np.flatnonzero(find_word_ends(characters, gaps, len(crop)))
    starts = [0, *(ends[:-1] + 1).tolist()]
    left, right = _ink_edges(ink)
    lefts, rights = [left, *gaps[:, 1].tolist()], [*gaps[:, 0].tolist(), right]
    words = tuple(
        _build_word(visible[start : end + 1], quad, lefts[start] / len(ink), rights[end] / len(ink))
        for start, end in zip(starts, ends.tolist(), strict=True)
    )
    return TextLine(" ".join(word.text for word in words), quad, round(score, 4), words)


def _ink_edges(ink: NDArray[np.bool_]) -> tuple[int, int]:
    columns = np.flatnonzero(ink)
    return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, len(ink))


def _build_word(characters: Sequence[Character], quad: QuadArray, left: float, right: float) -> TextWord:
    """`left` and `right` are shares of the quad's length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.stack([quad[0] + top * left, quad[0] + top * right, quad[3] + bottom * left, quad[3] + bottom * right])
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return TextWord("".join(one.text for one in characters), (x0, y0, x1, y1), round(mean_score(characters), 4))
