"""Lines of text cut out of a page: straightened, at the recogniser's height, in its numbers."""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import ImageInput
from pipelines.documents.stages import Pixels, Quads

MOST_SHRUNK = 1.5  # beyond this a crop is made at its own height first and then averaged down


def cut(page: Pixels, quad: Quads, *, height: int) -> Pixels:
    """The outline's inside, its text upright, `height` pixels high and as wide as that makes it."""
    across = max(1.0, float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2)
    along = max(1.0, float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2)
    width = max(1, round(along * height / across))
    if across <= height * MOST_SHRUNK:
        return _warped(page, quad, width, height)
    own = _warped(page, quad, max(1, round(along)), round(across))
    return cast(Pixels, cv2.resize(own, (width, height), interpolation=cv2.INTER_AREA))


def _warped(page: Pixels, quad: Quads, width: int, height: int) -> Pixels:
    x0, y0 = np.floor(quad.min(axis=0)).astype(int).clip(0) - 2
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int) + 3
    x0, y0 = max(0, x0), max(0, y0)
    part = page[y0:y1, x0:x1]  # a warp may not take more than 32767 pixels of source
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform((quad - (x0, y0)).astype(np.float32), target)
    return cast(
        Pixels,
        cv2.warpPerspective(part, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
    )


def tensor(crops: Sequence[Pixels], contract: ImageInput, width: int) -> NDArray[np.float32]:
    """(N, 3, height, width): what a crop does not fill is zero, as in training; a wider one is squeezed."""
    height = contract.sizes[0][0]
    batch = np.zeros((len(crops), 3, height, width), np.float32)
    for row, crop in zip(batch, crops, strict=True):
        if crop.shape[1] > width:
            crop = cast(Pixels, cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA))
        row[:, :, : crop.shape[1]] = normalised(crop, contract)
    return batch


def normalised(pixels: Pixels, contract: ImageInput) -> NDArray[np.float32]:
    """(H, W, 3) RGB to (3, H, W) as the manifest wants it."""
    mean, std = np.array(contract.mean, np.float32), np.array(contract.std, np.float32)
    tables = ((np.arange(256, dtype=np.float32)[:, None] - mean) / std).T.copy()  # 32 -> 5 ms for a page's canvas
    planes = cv2.split(pixels)
    ordered = planes[::-1] if contract.colour == "BGR" else planes
    values = [cv2.LUT(plane, table) for plane, table in zip(ordered, tables, strict=True)]
    return np.stack(values).astype(np.float32, copy=False)
