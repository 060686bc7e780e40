"""Finds ink that no character accounts for: letters that the recogniser passed over, for want of a class for them.

A net that never saw a letter gives a blank for it, with certainty, and its neighbours keep their high scores: ọ is
missing in "Mi" for "Mọi", and of a line of Russian only the commas remain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.whitespace import ColumnSpans, has_spaceless

MIN_GLYPH = 0.2  # line heights: narrower ink is a dot, a stroke of a quotation mark, or dirt
# Line heights from a character's middle to ink that is its own: steps are coarse, and ideographs have several parts.
REACH, WIDE_REACH = 0.12, 0.4

# Of the glyphs of pages in covered scripts at most .05 are unread; of Vietnamese .09 and .11, of Greek .49, of Russian
# .97. Hebrew and Thai are read as Latin letters, at mean scores of .5 to .66; the worst receipt had .85.
MAX_UNREAD_SHARE, MIN_UNREAD_RUNS = 0.07, 8
MIN_MEAN_SCORE, MIN_RUNS = 0.7, 30
LINE_RUNS = 4  # glyphs of a line that tells anything about the page's script
LOST_SHARE, LOST_RUNS = 0.5, 4  # of a line's ink, and of its glyphs, unread: beyond both, the line is lost
MAX_LOST_LINES = 1  # of a page: a signature or a logo


@dataclass(frozen=True, slots=True)
class LineInk:
    """The glyphs of a line: runs of columns with ink; those of them that were `unread` are as wide as a letter."""

    runs: ColumnSpans
    unread: ColumnSpans

    @classmethod
    def of(cls, ink: NDArray[np.bool_], characters: Sequence[Character], height: int) -> "LineInk":
        """`ink`: which columns of the crop have any; characters have shares of the line's width as positions."""
        edges = np.diff(np.concatenate([[False], ink, [False]]).astype(np.int8))
        runs = np.flatnonzero(edges).reshape(-1, 2)
        wide = runs[runs[:, 1] - runs[:, 0] >= MIN_GLYPH * height]
        visible = [one for one in characters if one.text.strip()]
        places = np.array([one.position for one in visible], np.float64)[:, None] * len(ink)
        reaches = np.array([WIDE_REACH if has_spaceless(one.text) else REACH for one in visible])[:, None] * height
        is_read = ((wide[:, 0] - reaches <= places) & (places < wide[:, 1] + reaches)).any(axis=0)
        return cls(runs, wide[~is_read])

    def measure_unread(self, columns: Sequence[float]) -> NDArray[np.float64]:
        """Columns of unread ink in each of the parts into which the rising `columns` cut the line: one more."""
        parts = np.searchsorted(columns, self.unread.mean(axis=1))
        widths = np.bincount(parts, weights=_measure_widths(self.unread), minlength=len(columns) + 1)
        return widths.astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class InkCoverage:
    """How much of a line's ink was read: `ink` and `unread` in columns, `runs` and `unread_runs` in glyphs.

    `score` is the mean of its characters'.
    """

    ink: int
    unread: int
    runs: int
    unread_runs: int
    score: float

    @classmethod
    def of(cls, line: LineInk, characters: Sequence[Character]) -> "InkCoverage":
        ink, unread = int(_measure_widths(line.runs).sum()), int(_measure_widths(line.unread).sum())
        return cls(ink, unread, len(line.runs), len(line.unread), mean_score(characters))

    @property
    def is_lost(self) -> bool:
        return self.unread > LOST_SHARE * self.ink and self.unread_runs >= LOST_RUNS


def count_foreign_lines(lines: Sequence[InkCoverage]) -> int:
    """How many lines of a page are in a script that the alphabet does not cover: all of them, a few, or none."""
    lost = sum(line.is_lost for line in lines)
    if lost <= MAX_LOST_LINES and len(lines) > 2 * lost:  # a graphic that was taken for a line
        lines, lost = [line for line in lines if not line.is_lost], 0
    return len(lines) if _is_foreign(lines) else lost


def _is_foreign(lines: Sequence[InkCoverage]) -> bool:
    """Judged by glyphs, not by ink: a bar or an icon that was taken for a line has much ink, and few of them."""
    lines = [line for line in lines if line.runs >= LINE_RUNS]
    runs, unread = sum(line.runs for line in lines), sum(line.unread_runs for line in lines)
    if unread >= max(MAX_UNREAD_SHARE * runs, MIN_UNREAD_RUNS):
        return True
    return runs >= MIN_RUNS and sum(line.score * line.runs for line in lines) < MIN_MEAN_SCORE * runs


def _measure_widths(spans: ColumnSpans) -> NDArray[np.int64]:
    return spans[:, 1] - spans[:, 0]
