"""Finds the pictures of a PDF page whose text its text layer may lack: images, strips of one scan, and outlined text.

Whatever the layer has over a picture (a stamp, a Bates number, typed fields, a page number) says nothing about the
picture itself. So it is not asked whether a picture has text on it, only whether a reader could read some.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.pdf.page_characters import Floats, PageCharacters
from pipelines.documents.stages import Pixels

# In points. What is smaller is a bullet, an icon or a rule: no line of legible print fits into it with its margins.
MIN_SHORT_SIDE, MIN_LONG_SIDE = 9.0, 24.0
STRIP_GAP = 1.5  # points between two strips of one scan, at most
MIN_CONTRAST = 16  # of 255 in brightness, between the darkest and the lightest pixel

# Letters that are drawn as shapes: in points, and how many of them make a page that is not in its text layer.
MIN_LETTER, MAX_LETTER = 3.0, 30.0
MIN_OUTLINED = 60
POINTS_PER_INCH = 72


def find_unread_pictures(pixels: Pixels, characters: PageCharacters, dpi: int) -> Floats:
    """(n, 4) boxes of pictures that may show text which is not in the layer, in the pixels of the page as it came in;
    the whole page where most of its letters are drawn as shapes."""
    height, width = pixels.shape[:2]
    point = dpi / POINTS_PER_INCH
    images = characters.images.clip(0, (width, height, width, height))
    pictures = join_strips(images[(images[:, 2:] > images[:, :2]).all(axis=1)], STRIP_GAP * point)
    sides = np.sort(pictures[:, 2:] - pictures[:, :2], axis=1)
    is_legible = (sides[:, 0] >= MIN_SHORT_SIDE * point) & (sides[:, 1] >= MIN_LONG_SIDE * point)
    pictures = pictures[is_legible & np.array([_has_contrast(pixels, box) for box in pictures], np.bool_)]
    if _is_outlined(pixels, characters, pictures, point):
        return np.array([[0, 0, width, height]], np.float32)
    return pictures


def join_strips(images: Floats, gap: float) -> Floats:
    """(m, 4) pictures: images that share a whole side are one, as a scan in strips or tiles is. `gap`: pixels."""
    pictures = np.unique(images, axis=0)
    for axis in (1, 0):  # strips one under the other, then stacks of them side by side
        pictures = _join_along(pictures, axis, gap)
    return pictures


def _join_along(boxes: Floats, axis: int, gap: float) -> Floats:
    """Join boxes that follow each other along `axis` (0: x, 1: y) and have the same extent across it."""
    across = 1 - axis
    order = np.lexsort((boxes[:, axis], boxes[:, across + 2].round(), boxes[:, across].round()))
    joined: list[Floats] = []
    for box in boxes[order]:
        last = joined[-1] if joined else None
        if last is not None and _continues_strip(last, box, axis, gap):
            joined[-1] = np.concatenate([np.minimum(last[:2], box[:2]), np.maximum(last[2:], box[2:])])
        else:
            joined.append(box)
    return np.array(joined, np.float32).reshape(-1, 4)


def _continues_strip(last: Floats, box: Floats, axis: int, gap: float) -> bool:
    is_aligned = np.abs(last[[1 - axis, 3 - axis]] - box[[1 - axis, 3 - axis]]).max() <= gap
    return bool(is_aligned and box[axis] - last[axis + 2] <= gap)


def _has_contrast(pixels: Pixels, box: Floats) -> bool:
    x0, y0, x1, y1 = box.round().astype(int)
    part = pixels[y0:y1, x0:x1]
    return part.size > 0 and int(part.max()) - int(part.min()) >= MIN_CONTRAST


def _is_outlined(pixels: Pixels, characters: PageCharacters, pictures: Floats, point: float) -> bool:
    """Whether there are more shapes of a letter's size outside of words and pictures than letters in the layer."""
    visible = ~(characters.invisible | characters.covered)
    letters = int((visible & (characters.codes > ord(" "))).sum())
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    paper = int(np.bincount(grey.ravel(), minlength=256).argmax())
    ink = (np.abs(grey.astype(np.int16) - paper) > 64).astype(np.uint8)
    for x0, y0, x1, y1 in np.concatenate([characters.boxes[visible], pictures]).round().astype(int).tolist():
        ink[max(0, y0 - 1) : max(0, y1 + 1), max(0, x0 - 1) : max(0, x1 + 1)] = 0
    return _count_letters(ink, point) > max(MIN_OUTLINED, letters)


def _count_letters(ink: NDArray[np.uint8], point: float) -> int:
    """Connected shapes that are as high as letters and not longer than a few of them."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    sizes = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / point
    is_letter = (sizes[:, 1] >= MIN_LETTER) & (sizes.max(axis=1) <= MAX_LETTER)
    return int(is_letter.sum())
