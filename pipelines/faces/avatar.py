"""A face framed as avatars are: upright by its eyes, its head at a steady size and place."""

import io
from math import floor, hypot, inf, log2
from typing import Any, Literal, cast

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw

from pipelines.faces.candidates import LANDMARKS
from pipelines.faces.canvas import Mips, Pixels
from pipelines.faces.crops import Square
from pipelines.faces.types import Face

# Shares of the side: where the middle of the eyes lies, and how far they are apart. A head is about two eye
# distances from the eyes to the top of the hair and 1.8 from the eyes to the chin: this leaves a margin above.
EYES_DOWN, EYES_APART = 0.46, 0.19
# An eye-to-mouth distance is 1.05 to 1.15 eye distances on a face seen from the front. Turned away, the eyes come
# closer together: then the mouth says how large the head is.
MOUTH_TO_EYES = 0.85
# A frame has at most so many times the picture's longer side: more would be padding all around a stamp.
MOST_AROUND = 1.4
# Standard deviations in shares of the side: of the blur over what lies outside the picture, and of the seam.
BLUR, SEAM = 0.05, 0.01


def frame_of(face: Face, *, scale: float, longer_side: float = inf) -> Square:
    """The square that an avatar of `face` shows; `scale` is the picture's: landmarks are pixels of the original.

    In a picture with so little around the face that `longer_side` (in its pixels) is much less than the
    frame's, the frame is smaller and the face larger.
    """
    points = np.array([getattr(face.landmarks, name) for name in LANDMARKS], np.float64) * scale
    left, right, _, left_mouth, right_mouth = points
    x, y = (right - left).tolist()
    apart = hypot(x, y)
    eyes = (left + right) / 2
    down = float(np.linalg.norm((left_mouth + right_mouth) / 2 - eyes))
    side = min(max(apart, MOUTH_TO_EYES * down, 1.0) / EYES_APART, MOST_AROUND * longer_side)
    cosine, sine = (x / apart, y / apart) if apart else (1.0, 0.0)
    below = (0.5 - EYES_DOWN) * side  # from the eyes to the middle of the square
    return Square(eyes[0] - sine * below, eyes[1] + cosine * below, side, (cosine, sine))


def render(mips: Mips, frame: Square, *, size: int, padding: str) -> Image.Image:
    """RGB, `size` x `size`. `padding` is "reflect" or a colour "#rrggbb"."""
    # From a level with at least the avatar's resolution, at twice the size where that means shrinking: no aliasing.
    level, shrunk = mips.level(max(0, floor(log2(frame.side / size))))
    square = Square(frame.x * shrunk, frame.y * shrunk, frame.side * shrunk, frame.direction)
    side = size * 2 if square.side > size else size
    if padding == "reflect":
        image = _warped(level, square, side, borderMode=cv2.BORDER_REFLECT)
        image = _softened(image, _warped(np.full(level.shape[:2], 255, np.uint8), square, side))
    else:
        image = _warped(level, square, side, borderValue=ImageColor.getrgb(padding))
    return Image.fromarray(image if side == size else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))


def _warped(pixels: Pixels, square: Square, side: int, **border: Any) -> Pixels:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(pixels, square.affine(side), (side, side), flags=how, **border))


def _softened(image: Pixels, inside: Pixels) -> Pixels:
    """`image` blurred where `inside` is 0: the reflection of a face must not look like a second one."""
    if inside.all():
        return image
    blurred = cv2.GaussianBlur(image, (0, 0), len(image) * BLUR)
    share = cv2.GaussianBlur(inside, (0, 0), len(image) * SEAM)[..., None].astype(np.float32) / 255
    share = np.minimum(share * 2, 1) * (inside[..., None] > 0)  # whole from the border on inwards
    return (image * share + blurred * (1 - share)).round().astype(np.uint8)


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
