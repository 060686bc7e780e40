"""Where there is no ink between a line's characters: edges of words, and spaces that a recogniser left out."""

import re
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.stages import Pixels

FAINTEST = 0.35  # contrast of ink, in units of the line's strongest
STRONGEST = 0.98  # of a line's pixels, in order of contrast, to where that is read
LEAST_CONTRAST = 8.0  # of 255: less is paper

# A gap without a space, in units of the line's height, is one where the recogniser thought of a space: the wider the
# gap, the less is enough. Width alone says nothing: letters are spaced, and characters are overlooked.
NARROW, LIKELY = 0.12, 0.1
WIDE, POSSIBLE = 0.3, 0.02

LOW = "_"  # its ink is where it is not looked for: what it joins seems far apart
SPACELESS = re.compile(r"[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]")  # scripts that are written without spaces

Spans = NDArray[np.int64]  # (N, 2) first column of a gap and the one behind its last


def inked(crop: Pixels) -> NDArray[np.bool_]:
    """Which columns of a line (height, width, 3) have ink, dark on light or light on dark."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    margin = len(grey) // 10
    middle = grey[margin : len(grey) - margin]  # the neighbouring lines reach into the margins
    is_ink = cv2.LUT(middle, _are_ink(np.bincount(middle.ravel(), minlength=256)).astype(np.uint8))
    columns: NDArray[np.bool_] = cv2.reduce(is_ink, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] >= 2  # one alone is dirt
    return columns


def _are_ink(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the 256 levels are ink where so many pixels have each: from counts in a sixth of the time."""
    last = int(counts.sum()) - 1
    median = _ranked(counts, [last // 2, (last + 1) // 2]).mean()
    contrast = np.abs(np.arange(256) - median).astype(np.float32)  # and so is what it is compared with: ties are common
    order = np.argsort(contrast)
    rank, part = divmod(STRONGEST * last, 1)
    lower, upper = contrast[order][_ranked(counts[order], [int(rank), min(int(rank) + 1, last)])].tolist()
    is_ink: NDArray[np.bool_] = contrast > max(FAINTEST * (lower + (upper - lower) * part), LEAST_CONTRAST)
    return is_ink


def _ranked(counts: NDArray[np.int64], ranks: Sequence[int]) -> NDArray[np.int64]:
    """Which value each of these ranks has, counted from 0, of values that are there `counts` times."""
    return np.searchsorted(np.cumsum(counts), ranks, side="right")


def blank_runs(ink: NDArray[np.bool_]) -> Spans:
    edges = np.flatnonzero(np.diff(np.concatenate([[True], ink, [True]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def between(ink: NDArray[np.bool_], columns: Sequence[float]) -> Spans:
    """The widest blank run between each two neighbours of `columns`; an empty one halfway where there is none."""
    places = np.array(columns, np.float64)
    halfway = np.rint((places[:-1] + places[1:]) / 2).astype(np.int64)
    edges = np.rint(places).astype(np.int64)[:, None]
    runs = blank_runs(ink)
    if not len(runs) or len(places) < 2:
        return np.stack([halfway, halfway], axis=1)
    firsts, lasts = (runs[:, side].clip(edges[:-1], edges[1:]) for side in (0, 1))  # (pairs, runs)
    widths = lasts - firsts
    rows, widest = np.arange(len(widths)), widths.argmax(axis=1)
    spans = np.stack([firsts[rows, widest], lasts[rows, widest]], axis=1)
    return np.where(widths[rows, widest][:, None] > 0, spans, halfway[:, None])


def missing_spaces(
    text: Sequence[str], widths: NDArray[np.int64], likely: NDArray[np.float64], height: int
) -> list[int]:
    """After which characters of `text` a space was left out.

    `widths` are those of the gaps between them, `likely` how probable the recogniser found a space in each.
    """
    pairs = [left + right for left, right in pairwise(text)]
    is_space = (widths >= NARROW * height) & (likely >= LIKELY) | (widths >= WIDE * height) & (likely >= POSSIBLE)
    return [
        index
        for index in np.flatnonzero(is_space).tolist()
        if not SPACELESS.search(pairs[index]) and LOW not in pairs[index]
    ]


def spaced(characters: Sequence[Character], gaps: Spans, height: int) -> list[bool]:
    """Whether a word ends after each of the characters that are no spaces; `gaps` are those between them."""
    shown, seen = without_spaces(characters)
    likely = np.array([one.space for one in shown[1:]])
    for index in missing_spaces([one.text for one in shown], gaps[:, 1] - gaps[:, 0], likely, height):
        seen[index] = True
    return [*seen[:-1], True]


def without_spaces(characters: Sequence[Character]) -> tuple[list[Character], list[bool]]:
    """The characters that are none, and whether a space came after each."""
    shown: list[Character] = []
    seen: list[bool] = []
    for one in characters:
        if one.text.strip():
            shown.append(one)
            seen.append(False)
        elif seen:
            seen[-1] = True
    return shown, seen
