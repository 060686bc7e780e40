"""Finds the gaps without ink between a line's characters: edges of words, and spaces that the recogniser lost."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.number_spaces import find_false_spaces
from pipelines.documents.stages import Pixels

MIN_INK = 0.35  # contrast of ink, as a share of the line's strongest
STRONGEST_QUANTILE = 0.98  # of the contrasts of a line's pixels: taken for the strongest
MIN_CONTRAST = 8.0  # of 255: less is paper

# A space was lost in a gap of at least such a width, in line heights, if the recogniser gave a space at least such a
# probability: the wider the gap, the less is enough. Width alone says nothing: letters may be set wide, and characters
# may have been overlooked.
NARROW_GAP, NARROW_PROBABILITY = 0.12, 0.1
WIDE_GAP, WIDE_PROBABILITY = 0.3, 0.02

UNDERSCORE = "_"  # its ink lies in the ignored margin, so that its neighbours seem far apart
_SPACELESS = (("\u2e80", "\ud7ff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef"))  # scripts without spaces

ColumnSpans = NDArray[np.int64]  # (N, 2) first column of a gap and the one after its last


def find_ink_columns(crop: Pixels) -> NDArray[np.bool_]:
    """Which columns of a line (height, width, 3) have ink, be it dark on light or light on dark."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    margin = len(grey) // 10
    middle = grey[margin : len(grey) - margin]  # the neighbouring lines reach into the margins
    is_ink = cv2.LUT(middle, _ink_levels(np.bincount(middle.ravel(), minlength=256)).astype(np.uint8))
    columns: NDArray[np.bool_] = cv2.reduce(is_ink, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] >= 2  # a single one is dirt
    return columns


def _ink_levels(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the 256 grey levels are ink, from the number of pixels of each: a sixth of the time of pixels."""
    last = int(counts.sum()) - 1
    median = _values_at_ranks(counts, [last // 2, (last + 1) // 2]).mean()
    contrast = np.abs(np.arange(256) - median).astype(
        np.float32
    )  # float32, as is what it is compared with: ties are common
    order = np.argsort(contrast)
    rank, part = divmod(STRONGEST_QUANTILE * last, 1)
    lower, upper = contrast[order][_values_at_ranks(counts[order], [int(rank), min(int(rank) + 1, last)])].tolist()
    is_ink: NDArray[np.bool_] = contrast > max(MIN_INK * (lower + (upper - lower) * part), MIN_CONTRAST)
    return is_ink


def _values_at_ranks(counts: NDArray[np.int64], ranks: Sequence[int]) -> NDArray[np.int64]:
    """The values at these ranks, from 0, in the sorted list that has each value `counts` times."""
    return np.searchsorted(np.cumsum(counts), ranks, side="right")


def find_blank_runs(ink: NDArray[np.bool_]) -> ColumnSpans:
    """All runs of columns without ink."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], ink, [True]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def find_gaps(ink: NDArray[np.bool_], columns: Sequence[float]) -> ColumnSpans:
    """The widest blank run between each two neighbours of `columns`; if there is none, an empty one halfway."""
    centres = np.array(columns, np.float64)
    halfway = np.rint((centres[:-1] + centres[1:]) / 2).astype(np.int64)
    edges = np.rint(centres).astype(np.int64)[:, None]
    runs = find_blank_runs(ink)
    if not len(runs) or len(centres) < 2:
        return np.stack([halfway, halfway], axis=1)
    firsts, lasts = (runs[:, side].clip(edges[:-1], edges[1:]) for side in (0, 1))  # (pairs, runs)
    widths = lasts - firsts
    rows, widest = np.arange(len(widths)), widths.argmax(axis=1)
    spans = np.stack([firsts[rows, widest], lasts[rows, widest]], axis=1)
    return np.where(widths[rows, widest][:, None] > 0, spans, halfway[:, None])


def find_missing_spaces(
    text: Sequence[str], widths: NDArray[np.int64], probabilities: NDArray[np.float64], height: int
) -> list[int]:
    """Indices of the characters of `text` after which the recogniser lost a space.

    `widths` are those of the gaps between them, `probabilities` those of a space in each.
    """
    pairs = [left + right for left, right in pairwise(text)]
    is_narrow_space = (widths >= NARROW_GAP * height) & (probabilities >= NARROW_PROBABILITY)
    is_wide_space = (widths >= WIDE_GAP * height) & (probabilities >= WIDE_PROBABILITY)
    return [
        index
        for index in np.flatnonzero(is_narrow_space | is_wide_space).tolist()
        if not has_spaceless(pairs[index]) and UNDERSCORE not in pairs[index]
    ]


def has_spaceless(text: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    return any(first <= character <= last for character in text for first, last in _SPACELESS)


def find_word_ends(characters: Sequence[Character], gaps: ColumnSpans, height: int) -> list[bool]:
    """For each character that is no space, whether a word ends after it; `gaps` are those between them."""
    visible, ends_word = drop_spaces(characters)
    probabilities = np.array([one.space for one in visible[1:]])
    text, widths = [one.text for one in visible], gaps[:, 1] - gaps[:, 0]
    for index in find_missing_spaces(text, widths, probabilities, height):
        ends_word[index] = True
    for index in find_false_spaces(text, ends_word, widths, height):
        ends_word[index] = False
    return [*ends_word[:-1], True]


def drop_spaces(characters: Sequence[Character]) -> tuple[list[Character], list[bool]]:
    """The characters that are no spaces, and whether a space follows each."""
    visible: list[Character] = []
    is_followed: list[bool] = []
    for one in characters:
        if one.text.strip():
            visible.append(one)
            is_followed.append(False)
        elif is_followed:
            is_followed[-1] = True
    return visible, is_followed
