"""Cuts lines of text out of a page, straightened and at a net's height, and packs them into its tensor."""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import InputContract
from pipelines.documents.stages import Pixels, QuadArray

MAX_DIRECT_SHRINK = 1.5  # a crop that shrinks more is first made at its own height and then averaged down


def crop_line(page: Pixels, quad: QuadArray, *, height: int) -> Pixels:
    """The inside of `quad` with its text upright, `height` pixels high and proportionally wide."""
    thickness = max(1.0, float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2)
    length = max(1.0, float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2)
    width = max(1, round(length * height / thickness))
    if thickness <= height * MAX_DIRECT_SHRINK:
        return _warp(page, quad, width, height)
    full_size = _warp(page, quad, max(1, round(length)), round(thickness))
    return cast(Pixels, cv2.resize(full_size, (width, height), interpolation=cv2.INTER_AREA))


def _warp(page: Pixels, quad: QuadArray, width: int, height: int) -> Pixels:
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


def make_tensor(crops: Sequence[Pixels], contract: InputContract, width: int) -> NDArray[np.float32]:
    """(N, 3, height, width): zero to the right of a crop, as in training; crops wider than `width` are squeezed."""
    height = contract.sizes[0][0]
    batch = np.zeros((len(crops), 3, height, width), np.float32)
    for row, crop in zip(batch, crops, strict=True):
        if crop.shape[1] > width:
            crop = cast(Pixels, cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA))
        row[:, :, : crop.shape[1]] = normalise(crop, contract)
    return batch


def normalise(pixels: Pixels, contract: InputContract) -> NDArray[np.float32]:
    """(H, W, 3) RGB to (3, H, W) in the colour order and scale of `contract`."""
    mean, std = np.array(contract.mean, np.float32), np.array(contract.std, np.float32)
    tables = ((np.arange(256, dtype=np.float32)[:, None] - mean) / std).T.copy()  # 32 -> 5 ms for a page's canvas
    planes = cv2.split(pixels)
    ordered = planes[::-1] if contract.colour == "BGR" else planes
    values = [cv2.LUT(plane, table) for plane, table in zip(ordered, tables, strict=True)]
    return np.stack(values).astype(np.float32, copy=False)
