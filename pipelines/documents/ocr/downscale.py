"""Wide lines, read squeezed first: reading costs time by the column, and clear print can spare three in ten.

A line whose characters are doubtful then is read again as it is, and so is one with ink before its first or behind its
last character: small marks of notes are the first that squeezing costs. At .6 of their width, papers lost every
fortieth word; at .7 at most one in five hundred, and what receipts lose reading them again brings back.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.whitespace import inked
from pipelines.documents.stages import Pixels

WIDE = 400  # columns: with narrower lines there is little to win, and short words bear it badly
PART = 0.7
SURE = 0.95  # mean score of a line's characters from which on it is not read again

# From the first ink to the middle of the first character, and from that of the last to the last ink, in units of the
# line's height: hardly a line that was read whole has more.
BEFORE, BEHIND = 0.5, 0.4


def doubtful(crop: Pixels, characters: Sequence[Character]) -> bool:
    """Whether a line (height, width, 3), as it was before it was squeezed, wants to be read again."""
    return mean_score(characters) < SURE or _is_overlooked(crop, characters)


def _is_overlooked(crop: Pixels, characters: Sequence[Character]) -> bool:
    height, width = crop.shape[:2]
    ink = np.flatnonzero(inked(crop))
    if not len(ink):
        return False
    first, last = characters[0].position * width, characters[-1].position * width
    return bool(first - ink[0] > BEFORE * height or ink[-1] - last > BEHIND * height)


def squeezed(crops: Sequence[Pixels]) -> list[Pixels]:
    """Narrow crops are left as they are: the same objects."""
    return [_squeezed(crop) if crop.shape[1] >= WIDE else crop for crop in crops]


def _squeezed(crop: Pixels) -> Pixels:
    height, width = crop.shape[:2]
    return cast(Pixels, cv2.resize(crop, (round(width * PART), height), interpolation=cv2.INTER_AREA))
