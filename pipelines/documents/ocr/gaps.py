"""Where there is no ink between a line's characters: edges of words, and spaces that a recogniser left out."""

import re
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.parts import Pixels

FAINTEST = 0.35  # contrast of ink, in units of the line's strongest
LEAST_CONTRAST = 8.0  # of 255: less is paper

WIDE = 0.25  # of the line's height: narrower than this is no space, whatever the others are
APART = 3.0  # times the usual gap between the line's characters
LIKE_SPACES = 0.8  # of the usual gap where the recogniser did see spaces

SPACELESS = re.compile(r"[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]")  # scripts that are written without spaces
PART_OF_NUMBER = re.compile(r"[\d.,:/%+-]")

Spans = NDArray[np.int64]  # (N, 2) first column of a gap and the one behind its last


def inked(crop: Pixels) -> NDArray[np.bool_]:
    """Which columns of a line (height, width, 3) have ink, dark on light or light on dark."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    margin = len(grey) // 10
    middle = grey[margin : len(grey) - margin]  # the neighbouring lines reach into the margins
    contrast = np.abs(middle - np.median(middle))
    second = np.partition(contrast, -2, axis=0)[-2]  # one pixel alone is dirt
    columns: NDArray[np.bool_] = second > max(FAINTEST * float(np.percentile(contrast, 98)), LEAST_CONTRAST)
    return columns


def blank_runs(ink: NDArray[np.bool_]) -> Spans:
    edges = np.flatnonzero(np.diff(np.concatenate([[True], ink, [True]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def between(ink: NDArray[np.bool_], columns: Sequence[float]) -> Spans:
    """The widest blank run between each two neighbours of `columns`; an empty one halfway where there is none."""
    runs = blank_runs(ink)
    return np.array([_widest(runs, *pair) for pair in pairwise(columns)], np.int64).reshape(-1, 2)


def _widest(runs: Spans, left: float, right: float) -> tuple[int, int]:
    clipped = runs.clip(round(left), round(right))
    widths = clipped[:, 1] - clipped[:, 0]
    if not len(runs) or not widths.max():
        return round((left + right) / 2), round((left + right) / 2)
    first, last = clipped[int(widths.argmax())].tolist()
    return first, last


def missing_spaces(text: Sequence[str], widths: NDArray[np.int64], seen: NDArray[np.bool_], height: int) -> list[int]:
    """After which characters of `text` a space was left out.

    `widths` are those of the gaps between them, and `seen` tells where the recogniser found a space. A gap is one
    when it is wide for the line's height, for its letters' gaps and for its other spaces. Numbers stay whole.
    """
    if not len(widths):
        return []
    letters, spaces = widths[~seen], widths[seen]
    least = max(WIDE * height, APART * float(np.median(letters)) + 2 if len(letters) else 0.0)
    if len(spaces) > 1:
        least = max(least, LIKE_SPACES * float(np.median(spaces)))
    return [int(index) for index in np.flatnonzero((widths >= least) & ~seen) if _may_part(text, int(index))]


def _may_part(text: Sequence[str], index: int) -> bool:
    left, right = text[index], text[index + 1]
    if SPACELESS.match(left) or SPACELESS.match(right):
        return False
    if left == ":" and index and not text[index - 1].isdigit():  # Tel: 03
        return True
    are_number = PART_OF_NUMBER.match(left) and PART_OF_NUMBER.match(right)
    return not (are_number and (left.isdigit() or right.isdigit()))


def spaced(characters: Sequence[Character], gaps: Spans, height: int) -> list[bool]:
    """Whether a word ends after each of the characters that are no spaces; `gaps` are those between them."""
    shown, seen = without_spaces(characters)
    ends = np.array(seen[:-1], np.bool_)
    for index in missing_spaces([one.text for one in shown], gaps[:, 1] - gaps[:, 0], ends, height):
        ends[index] = True
    return [*ends.tolist(), True]


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
