"""Squeezes wide lines before reading: reading takes time by the column, and clear print can spare three in ten.

A line whose characters are doubtful is then read again at full width, and so is one with ink before its first or behind
its last character: small note marks are the first that squeezing loses. At .6 of their width, papers lost every
fortieth word; at .7 at most one in five hundred, and the second reading brings back what receipts lose.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.whitespace import find_ink_columns
from pipelines.documents.stages import Pixels

MIN_SQUEEZED_WIDTH = 400  # columns: narrower lines save little, and short words suffer
SQUEEZE_FACTOR = 0.7
MIN_SCORE = 0.95  # mean score of a line's characters below which it is read again

# From the first ink to the middle of the first character, and from that of the last to the last ink, in line heights:
# hardly a line that was read whole has more.
MAX_INK_BEFORE, MAX_INK_BEHIND = 0.5, 0.4


def is_doubtful(crop: Pixels, characters: Sequence[Character]) -> bool:
    """Whether a line must be read again at full width; `crop` (height, width, 3) is the line before squeezing."""
    return mean_score(characters) < MIN_SCORE or _has_unread_ink(crop, characters)


def _has_unread_ink(crop: Pixels, characters: Sequence[Character]) -> bool:
    height, width = crop.shape[:2]
    ink = np.flatnonzero(find_ink_columns(crop))
    if not len(ink):
        return False
    first, last = characters[0].position * width, characters[-1].position * width
    return bool(first - ink[0] > MAX_INK_BEFORE * height or ink[-1] - last > MAX_INK_BEHIND * height)


def squeeze_wide_crops(crops: Sequence[Pixels]) -> list[Pixels]:
    """Narrow crops are returned as they are: the same objects."""
    return [_squeeze(crop) if crop.shape[1] >= MIN_SQUEEZED_WIDTH else crop for crop in crops]


def _squeeze(crop: Pixels) -> Pixels:
    height, width = crop.shape[:2]
    return cast(Pixels, cv2.resize(crop, (round(width * SQUEEZE_FACTOR), height), interpolation=cv2.INTER_AREA))
