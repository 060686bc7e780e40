"""A recognised line of text with its words, in the page's pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.whitespace import between, inked, spaced, without_spaces
from pipelines.documents.stages import Pixels, Quads, TextLine, TextWord

LEAST_SCORE = 0.6  # mean of a line's characters: less is dirt, a rule, or a picture
LEAST_ALONE = 0.85  # of one that is all there is: icons and smudges look like a letter more easily than like words


def read_line(quad: Quads, crop: Pixels, characters: Sequence[Character]) -> TextLine | None:
    """`characters` have parts of the line's length as positions; None where they are too doubtful to be text."""
    shown, _ = without_spaces(characters)
    score = mean_score(characters) if shown else 0.0
    if score < (LEAST_SCORE if len(shown) > 1 else LEAST_ALONE):
        return None
    ink = inked(crop)
    gaps = between(ink, [one.position * len(ink) for one in shown])
    ends = np.flatnonzero(spaced(characters, gaps, len(crop)))
    starts = [0, *(ends[:-1] + 1).tolist()]
    left, right = _edges(ink)
    lefts, rights = [left, *gaps[:, 1].tolist()], [*gaps[:, 0].tolist(), right]
    words = tuple(
        _word(shown[start : end + 1], quad, lefts[start] / len(ink), rights[end] / len(ink))
        for start, end in zip(starts, ends.tolist(), strict=True)
    )
    return TextLine(" ".join(word.text for word in words), quad, round(score, 4), words)


def _edges(ink: NDArray[np.bool_]) -> tuple[int, int]:
    columns = np.flatnonzero(ink)
    return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, len(ink))


def _word(characters: Sequence[Character], quad: Quads, left: float, right: float) -> TextWord:
    """`left` and `right` are parts of the quad's length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.stack([quad[0] + top * left, quad[0] + top * right, quad[3] + bottom * left, quad[3] + bottom * right])
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return TextWord("".join(one.text for one in characters), (x0, y0, x1, y1), round(mean_score(characters), 4))
