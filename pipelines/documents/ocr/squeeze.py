"""Wide lines, read squeezed first: reading costs time by the column, and clear print can spare three in ten.

A line whose characters are doubtful then is read again as it is. At .6 of their width, papers lost every fortieth
word; at .7 at most one in five hundred, and what receipts lose reading them again brings back.
"""

from collections.abc import Sequence
from typing import cast

import cv2

from pipelines.documents.parts import Pixels

WIDE = 400  # columns: with narrower lines there is little to win, and short words bear it badly
PART = 0.7
SURE = 0.95  # mean score of a line's characters from which on it is not read again


def squeezed(crops: Sequence[Pixels]) -> list[Pixels]:
    """Narrow crops are left as they are: the same objects."""
    return [_squeezed(crop) if crop.shape[1] >= WIDE else crop for crop in crops]


def _squeezed(crop: Pixels) -> Pixels:
    height, width = crop.shape[:2]
    return cast(Pixels, cv2.resize(crop, (round(width * PART), height), interpolation=cv2.INTER_AREA))
