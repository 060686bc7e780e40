"""Quarter turns of pages, and of what is found on them.

Turning by n quarters counterclockwise sets content upright that was turned clockwise by as many. `size` is the
width and height of the page before.
"""

from typing import cast

import numpy as np

from pipelines.documents.glyphs import Floats
from pipelines.documents.parts import Pixels


def turn_pixels(pixels: Pixels, quarters: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, quarters % 4))


def turn_quads(quads: Floats, size: tuple[int, int], quarters: int) -> Floats:
    """(..., 2) points, each where it is after the turn."""
    width, height = size
    x, y = quads[..., 0], quads[..., 1]
    match quarters % 4:
        case 1:
            turned = (y, width - x)
        case 2:
            turned = (width - x, height - y)
        case 3:
            turned = (height - y, x)
        case _:
            turned = (x, y)
    return cast(Floats, np.stack(turned, axis=-1).astype(np.float32))


def turn_boxes(boxes: Floats, size: tuple[int, int], quarters: int) -> Floats:
    """(n, 4) upright boxes."""
    corners = turn_quads(boxes.reshape(-1, 2, 2), size, quarters)
    return cast(Floats, np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1))
