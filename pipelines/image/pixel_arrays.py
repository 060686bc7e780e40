"""Copies pixels from Pillow's images to arrays."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.image.colour_modes import split_into_bands


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """(h, w), or (h, w, channels), of an image of 8 bits a channel.

    `np.asarray` has a second copy in memory meanwhile, in pieces that the C library keeps, and takes twice as long for
    pictures of ten megapixels.
    """
    bands = list(split_into_bands(image))
    if len(bands) < 2:
        return np.asarray(image)
    channels = len(image.getbands())
    pixels = np.empty((image.height, image.width, channels)[: 2 if channels == 1 else 3], np.uint8)
    for box in bands:
        pixels[box[1] : box[3]] = np.asarray(image.crop(box))
    return pixels
