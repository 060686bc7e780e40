"""Builds a line of text with its words, in the page's pixels, from recognised characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.greek_words import unify_greek
from pipelines.documents.ocr.ink_coverage import InkCoverage, LineInk
from pipelines.documents.ocr.number_spaces import find_doubtful_spaces
from pipelines.documents.ocr.whitespace import drop_spaces, find_gaps, find_ink_columns, find_word_ends
from pipelines.documents.ocr.word_scores import WordEvidence, score_word
from pipelines.documents.stages import Pixels, QuadArray, TextLine, TextWord

MIN_SCORE = 0.6  # mean of a line's characters; lower ones are dirt, rules or pictures
MIN_SINGLE_CHARACTER_SCORE = (
    0.85  # of one that is all there is: icons and smudges look like a letter more easily than like words
)
CUT_FACTOR = 0.5  # for the scores of words beside a space that may cut a number in two


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One outline's line, None without legible text, with the evidence for its words, and how much ink was read."""

    line: TextLine | None
    evidence: tuple[WordEvidence, ...]
    coverage: InkCoverage


def read_line(quad: QuadArray, crop: Pixels, characters: Sequence[Character]) -> ReadLine:
    """The line in `quad`; positions of its characters are shares of its length. It is as sure as its least sure word.

    Characters that are too doubtful to be text are no line.
    """
    ink = find_ink_columns(crop)
    glyphs = LineInk.of(ink, characters, len(crop))
    coverage = InkCoverage.of(glyphs, characters)
    visible, _ = drop_spaces(characters)
    line_score = mean_score(characters) if visible else 0.0
    if line_score < (MIN_SCORE if len(visible) > 1 else MIN_SINGLE_CHARACTER_SCORE):
        return ReadLine(None, (), coverage)
    gaps = find_gaps(ink, [one.position * len(ink) for one in visible])
    is_end = find_word_ends(characters, gaps, len(crop))
    doubtful = find_doubtful_spaces([one.text for one in visible], is_end, gaps[:, 1] - gaps[:, 0], len(crop))
    ends = np.flatnonzero(is_end)
    starts = [0, *(ends[:-1] + 1).tolist()]
    unread = glyphs.measure_unread(gaps[ends[:-1]].mean(axis=1)) / len(crop)
    spans = [visible[start : end + 1] for start, end in zip(starts, ends.tolist(), strict=True)]
    evidence = tuple(WordEvidence.of(own, line_score, gap) for own, gap in zip(spans, unread.tolist(), strict=True))
    left, right = _ink_edges(ink)
    lefts, rights = [left, *gaps[:, 1].tolist()], [*gaps[:, 0].tolist(), right]
    words = tuple(
        TextWord(
            unify_greek("".join(one.text for one in own)),
            find_word_box(quad, lefts[start] / len(ink), rights[end] / len(ink)),
            round(score_word(sign) * (CUT_FACTOR if {start - 1, end} & set(doubtful) else 1), 4),
        )
        for own, start, end, sign in zip(spans, starts, ends.tolist(), evidence, strict=True)
    )
    score = min(word.score for word in words)
    return ReadLine(TextLine(" ".join(word.text for word in words), quad, score, words), evidence, coverage)


def _ink_edges(ink: NDArray[np.bool_]) -> tuple[int, int]:
    columns = np.flatnonzero(ink)
    return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, len(ink))


def find_word_box(quad: QuadArray, left: float, right: float) -> Box:
    """`left` and `right` are shares of the quad's length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.stack([quad[0] + top * left, quad[0] + top * right, quad[3] + bottom * left, quad[3] + bottom * right])
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1
