"""A picture that tells reviewers what they are about to see without showing it."""

import base64
import io

from PIL import Image, ImageFilter

SIDE, BLUR = 160, 6.0  # pixels: shapes and colours are left, faces and bodies are not


def blurred(pixels: Image.Image) -> str:
    """A WebP of upright RGB `pixels`, at most 160 pixels wide and high, as data URL."""
    small = pixels.copy() if max(pixels.size) <= SIDE else pixels.resize(_fitting(*pixels.size), Image.Resampling.BOX)
    file = io.BytesIO()
    small.filter(ImageFilter.GaussianBlur(BLUR)).save(file, "WEBP", quality=60)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _fitting(width: int, height: int) -> tuple[int, int]:
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
