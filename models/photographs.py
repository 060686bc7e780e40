"""Real photographs to prove an export with: scikit-image's bundled ones, in several crops."""

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

NAMES = ("astronaut", "cat", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry", "page", "coins")


def photographs(height: int, width: int) -> NDArray[np.uint8]:
    """(N, height, width, 3) RGB: each photograph whole, its four quarters, and mirrored."""
    images = []
    for name in NAMES:
        whole = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        across, down = whole.width // 2, whole.height // 2
        corners = [(x, y, x + across, y + down) for x in (0, across) for y in (0, down)]
        views = [whole, whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT), *(whole.crop(box) for box in corners)]
        images += [view.resize((width, height), Image.Resampling.BICUBIC) for view in views]
    return np.stack([np.asarray(image) for image in images])
