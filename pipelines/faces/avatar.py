"""A face framed as avatars are: upright by its eyes, its head at a steady size and place."""

import io
from math import floor, hypot, log2
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw

from pipelines.faces.candidates import LANDMARKS
from pipelines.faces.crops import Square
from pipelines.faces.types import Face
from pipelines.faces.views import Mips

# Shares of the side: where the middle of the eyes lies, and how far they are apart. A head is about two eye
# distances from the eyes to the top of the hair and 1.8 from the eyes to the chin: this leaves a margin above.
EYES_DOWN, EYES_APART = 0.46, 0.19
# An eye-to-mouth distance is 1.05 to 1.15 eye distances on a face seen from the front. Turned away, the eyes come
# closer together: then the mouth says how large the head is.
MOUTH_TO_EYES = 0.85


def frame_of(face: Face, *, scale: float) -> Square:
    """The square that an avatar of `face` shows; `scale` is the picture's: landmarks are pixels of the original."""
    points = np.array([getattr(face.landmarks, name) for name in LANDMARKS], np.float64) * scale
    left, right, _, left_mouth, right_mouth = points
    x, y = (right - left).tolist()
    apart = hypot(x, y)
    eyes = (left + right) / 2
    down = float(np.linalg.norm((left_mouth + right_mouth) / 2 - eyes))
    side = max(apart, MOUTH_TO_EYES * down, 1.0) / EYES_APART
    cosine, sine = (x / apart, y / apart) if apart else (1.0, 0.0)
    below = (0.5 - EYES_DOWN) * side  # from the eyes to the middle of the square
    return Square(eyes[0] - sine * below, eyes[1] + cosine * below, side, (cosine, sine))


def render(mips: Mips, frame: Square, *, size: int, padding: str) -> Image.Image:
    """RGB, `size` x `size`. `padding` is "reflect" or a colour "#rrggbb"."""
    # From a level with at least the avatar's resolution, at twice the size where that means shrinking: no aliasing.
    level, shrunk = mips.level(max(0, floor(log2(frame.side / size))))
    square = Square(frame.x * shrunk, frame.y * shrunk, frame.side * shrunk, frame.direction)
    canvas = size * 2 if square.side > size else size
    image = cv2.warpAffine(
        level,
        square.affine(canvas),
        (canvas, canvas),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT if padding == "reflect" else cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0) if padding == "reflect" else ImageColor.getrgb(padding),
    )
    return Image.fromarray(image if canvas == size else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))


def encode(image: Image.Image, *, shape: Literal["square", "circle"], format: Literal["png", "webp"]) -> bytes:
    """The file: pixels only, no metadata; a circle has everything around it transparent."""
    if shape == "circle":
        image.putalpha(_disc(image.width))
    file = io.BytesIO()
    if format == "png":
        image.save(file, "PNG")
    else:
        image.save(file, "WEBP", quality=90)
    return file.getvalue()


def _disc(size: int) -> Image.Image:
    mask = Image.new("L", (size * 4, size * 4))
    ImageDraw.Draw(mask).ellipse((0, 0, size * 4 - 1, size * 4 - 1), fill=255)
    return mask.reduce(4)
