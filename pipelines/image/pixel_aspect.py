"""Pixels that are no squares: standard fax has 204 dots an inch across and 98 down.

PDFs scale their pictures themselves. A TIFF says it in its resolutions, a PNG in pHYs, a JPEG in its JFIF header.
"""

import io
from contextlib import suppress

from PIL import Image, TiffImagePlugin

from pipelines.image.decode import READERS, Picture

MIN_ASPECT, MAX_ASPECT = 1.2, 4.0  # fax has 2.08 or 1.04; beyond, a resolution is an error
_ACROSS, _DOWN = TiffImagePlugin.X_RESOLUTION, TiffImagePlugin.Y_RESOLUTION


def read_pixel_aspect(picture: Picture, frame: int = 0) -> float:
    """The height of the upright picture's pixels, divided by their width; 1 where the file says nothing credible."""
    aspect = 1.0
    if picture.format in ("TIFF", "PNG", "JPEG"):
        with suppress(Exception), READERS[picture.format](io.BytesIO(picture.data)) as image:  # only the header is read
            aspect = _read_aspect(image, frame)
    if not MIN_ASPECT <= max(aspect, 1 / aspect if aspect > 0 else 0) <= MAX_ASPECT:  # also where it is no number
        return 1.0
    return 1 / aspect if picture.orientation >= 5 else aspect


def _read_aspect(image: Image.Image, frame: int) -> float:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        image.seek(frame)
        across, down = image.tag_v2.get(_ACROSS, 1), image.tag_v2.get(_DOWN, 1)
    else:
        across, down = image.info.get("dpi") or image.info.get("aspect") or image.info.get("jfif_density") or (1, 1)
    return float(across) / float(down)
