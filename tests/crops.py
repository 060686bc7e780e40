"""Many different images from one photograph: crops of it at random places and sizes, some of them mirrored."""

import numpy as np
from PIL import Image, ImageOps

from tests.pipelines.images import encode, photograph


def crops(name: str, count: int, *, seed: int = 0) -> list[bytes]:
    """JPEG files, the same ones for the same seed."""
    random, whole = np.random.default_rng(seed), photograph(name)
    return [encode(_crop(whole, random), "JPEG", quality=90) for _ in range(count)]


def _crop(whole: Image.Image, random: np.random.Generator) -> Image.Image:
    side = int(min(whole.size) * random.uniform(0.5, 0.95))
    left, top = (int(random.integers(0, room - side + 1)) for room in whole.size)
    cut = whole.crop((left, top, left + side, top + side))
    return ImageOps.mirror(cut) if random.random() < 0.5 else cut
