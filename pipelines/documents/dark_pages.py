"""Makes pages that are light on dark, such as terminals and editors, dark on light: the nets read that better.

Measured on drawn terminals and editors: single characters, signs and whole words that are missed on a dark ground are
found on a light one.
"""

import cv2
import numpy as np

from pipelines.documents.stages import Pixels

DARK = 90  # brightness of the ground, at most
NEAR, FLAT = 3, 0.55  # share of the pixels that are as bright as the ground, within so much: photographs have less


def lighten_dark_page(pixels: Pixels) -> Pixels:
    """The page in grey, inverted and with full contrast if its ground is dark and flat; else as it is."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    ground = int(counts.argmax())
    share = counts[max(0, ground - NEAR) : ground + NEAR + 1].sum() / grey.size
    if ground > DARK or share < FLAT or int(grey.max()) - ground < DARK:
        return pixels
    scaled = (grey.astype(np.float32) - ground) * (255 / (int(grey.max()) - ground))
    inverted = (255 - scaled.clip(0, 255)).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(inverted[:, :, None], 3, axis=2))
